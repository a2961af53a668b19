"""Backoff: who is refused or not answered asks again later each time, and not when all others do.

What fails fails for all machines at once, as when a member of etcd restarts. Without chance in it
they would all be back in the same moment, again and again.
"""

from collections.abc import Callable

from .kv import KVRefusedError, KVUnavailableError

Chance = Callable[[], float]
"""A number from 0 to 1, another one each time: `random.random`."""

UNANSWERED_SECONDS = 1.0
"""The longest pause of who was not answered: waiting for an answer took its time already."""

REFUSED_SECONDS = 2.0
"""The longest pause of who was refused, which takes no time. No longer than status may be old: a
leader that can write again decides by what machines have not been able to report."""


class Backoff:
    """A backoff of one who tries: each pause is up to twice as long as the one before."""

    def __init__(self, first: float, chance: Chance) -> None:
        """`first`: seconds of the first pause."""
        self._first = first
        self._chance = chance
        self._whole = first

    def pause(self, most: float) -> float:
        """How many seconds to wait after one more failure, at most; half of that at least."""
        whole = min(self._whole, most)
        self._whole = 2 * whole
        return whole * (1 + self._chance()) / 2

    def reset(self) -> None:
        """It has worked: the next failure is a first one."""
        self._whole = self._first


def longest_pause(error: KVUnavailableError) -> float:
    """Seconds of the longest pause after a failure of the store."""
    return REFUSED_SECONDS if isinstance(error, KVRefusedError) else UNANSWERED_SECONDS
