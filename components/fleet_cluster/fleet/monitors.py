"""Monitors: what looks at something again and again beside fleetd's loop, each in its thread."""

import threading
import time
from collections.abc import Callable

MOST_INTERVALS = 10
"""After so many without the end of a look, the thread is not expected to come back."""


class Monitors:
    """Monitors, and which of them hang: what such a one has said last stays, true or not."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds, which never go back."""
        self._clock = clock
        self._ended: dict[str, tuple[float, float]] = {}
        """By thread, when its last look has ended, and its interval."""

    def start(
        self,
        name: str,
        look: Callable[[], None],
        seconds: float,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Have a thread of this name look for ever; `pause`: waits for the next, at most so long.

        `seconds`: the interval; a tenth, at least, of what the longest look may take.
        """
        self._ended[name] = self._clock(), seconds
        given = name, look, seconds, pause
        threading.Thread(target=self._run, args=given, name=name, daemon=True).start()

    def faults(self) -> list[str]:
        """What is to be told of those that hang. Any thread may call it."""
        now = self._clock()
        return [
            f"the thread {name}: it has not ended a look for {now - ended:.0f} s, so what it has "
            "said last may no longer be true"
            for name, (ended, seconds) in self._ended.items()
            if now - ended > MOST_INTERVALS * seconds
        ]

    def _run(
        self,
        name: str,
        look: Callable[[], None],
        seconds: float,
        pause: Callable[[float], object],
    ) -> None:
        while True:
            look()
            self._ended[name] = self._clock(), seconds
            pause(seconds)
