"""Shutdown delays: a unit whose name has just gone runs on for a moment before it is stopped.

Who was given the name until then still comes. The leader says how long; this counts from when the
machine learns of it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

MAX_SECONDS = 60.0
"""Whatever a record says."""


@dataclass(frozen=True)
class _Delay:
    """A delay, which is known by the revision of its assignment."""

    revision: int
    ends_at: float


class ShutdownDelays:
    """The delays of units that are to stop, in the loop's thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds, which never go back."""
        self._clock = clock
        self._delays: dict[str, _Delay] = {}

    def over(self, names: Iterable[str], delays: Mapping[str, tuple[int, float]]) -> list[str]:
        """Those of the units to be stopped that need not run on; the others are waited for.

        `delays`: for each, the revision of what tells it to stop, and the seconds that says.
        """
        known, now = self._delays, self._clock()
        self._delays = {
            name: _kept(known.get(name), *delays[name], now)
            for name in names
            if delays[name][1] > 0
        }
        return [n for n in names if n not in self._delays or self._delays[n].ends_at <= now]

    def left(self) -> float:
        """For how many seconds the next one still lasts; 0 if there is none."""
        now = self._clock()
        return min((d.ends_at - now for d in self._delays.values() if d.ends_at > now), default=0.0)


def _kept(known: _Delay | None, revision: int, seconds: float, now: float) -> _Delay:
    if known and known.revision == revision:
        return known
    return _Delay(revision, now + min(seconds, MAX_SECONDS))
