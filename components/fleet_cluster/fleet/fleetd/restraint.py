"""The restraint of the loop: for how long it leaves the store alone, whatever wakes it."""

import math
from collections.abc import Callable

from ..backoff import Backoff, Chance, longest_pause
from ..kv import KVUnavailableError

RETRY_SECONDS = 0.5
"""The first pause after the store failed."""

SPREAD_SECONDS = 1.0
"""Within so long all machines read again what they have followed, when a member of etcd ends all
of their watches at once."""


class Restraint:
    """The restraint of one machine among many, to which the same happens."""

    def __init__(self, clock: Callable[[], float], chance: Chance) -> None:
        self._backoff = Backoff(RETRY_SECONDS, chance)
        self._clock = clock
        self._chance = chance
        self._was_interrupted = False
        self._until = -math.inf

    def left(self, is_interrupted: bool) -> float:
        """For how many seconds the store is still left alone.

        `is_interrupted`: whether a watch has ended, and nothing was read since.
        """
        now = self._clock()
        if is_interrupted and not self._was_interrupted:
            self._until = max(self._until, now + SPREAD_SECONDS * self._chance())
        self._was_interrupted = is_interrupted
        return max(0.0, self._until - now)

    def failed(self, error: KVUnavailableError) -> float:
        """The store did not do what it was asked for: for how many seconds it is left alone."""
        pause = self._backoff.pause(longest_pause(error))
        self._until = self._clock() + pause
        return pause

    def succeeded(self) -> None:
        """A round has come to its end."""
        self._backoff.reset()
