"""How many instances of the app serve, looked at again and again while a test does something."""

import threading
from types import TracebackType
from typing import Self

from tests.cluster.stack import Stack

PAUSE = 0.3
"""Seconds between two looks."""


class Capacity:
    """Counts the instances that systemd reports active somewhere, and those that are found."""

    def __init__(self, stack: Stack, machine: str = "machine-1") -> None:
        """`machine`: the one that is asked."""
        self._stack = stack
        self._machine = machine
        self.active: list[int] = []
        """Instances that were active, at each look."""
        self.found: list[int] = []
        """Instances that nginx had to choose from, at each look."""
        self._stop = threading.Event()
        self._trouble: Exception | None = None
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        """Start looking."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop looking; what ended the looks early fails the test."""
        self._stop.set()
        self._thread.join()
        if self._trouble and error is None:
            raise self._trouble

    def __str__(self) -> str:
        return (
            f"{len(self.active)} looks: active {min(self.active)} to {max(self.active)}, "
            f"found {min(self.found)} to {max(self.found)}"
        )

    def _watch(self) -> None:
        try:
            while not self._stop.wait(PAUSE):
                self._look()
        except Exception as trouble:  # noqa: BLE001 - it is raised in the test's thread
            self._trouble = trouble

    def _look(self) -> None:
        ask = "fleetctl list-units --no-legend --fields=unit,active 2>/dev/null && "
        ask += "fleetctl list-names --no-legend --fields=unit,name,found 2>/dev/null"
        asked = self._stack.on(self._machine, ask, check=False)
        if asked.code:
            return  # Who got no answer has seen nothing.
        lines = [line.split() for line in asked.out.splitlines()]
        self.active.append(
            len({line[0] for line in lines if line[1:] == ["active"] and "sinatra@" in line[0]})
        )
        self.found.append(len({line[0] for line in lines if line[1:] == ["sinatra", "yes"]}))
