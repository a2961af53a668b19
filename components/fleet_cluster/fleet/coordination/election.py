"""The election: the leader is the machine whose id is in the key `leader`, on its lease."""

from collections.abc import Callable

from ..kv import KV, CreatedAt, Delete, Put, Unchanged
from ..model.keys import LEADER
from .watch_cache import WatchCache

YIELD_SECONDS = 1.0
"""For so long a vacancy is left to others by who would have to wait before it moves anything."""


class Election:
    """A candidate. A restarted fleetd that resumes its lease resumes its leadership."""

    def __init__(
        self, machine: str, store: KV, clock: Callable[[], float], wake: Callable[[], None]
    ) -> None:
        self.pause = 0.0
        """After how many seconds to ask again though nothing has changed; 0 if not needed."""
        self.is_vacant = True
        """Whether nobody leads, as far as is known."""
        self._machine = machine
        self._store = store
        self._clock = clock
        self._key = WatchCache(store, LEADER, wake)
        self._vacant_since: float | None = None

    def resign(self, term: int) -> None:
        """End a leadership, and with it whatever was written in its name and is under way."""
        self._key.expect(self._store.commit([Delete(LEADER)], CreatedAt(LEADER, term)))

    def withdraw(self) -> None:
        """Leave the leadership to others, also if a fleetd before this one has it."""
        self._key.refresh()
        entry = self._key.entries.get(LEADER)
        if entry and entry.value == self._machine and self._key.settled:
            self.resign(entry.create_revision)

    def reset(self) -> None:
        """Read anew who leads."""
        self._key.close()

    def term(self, lease: int, yields: bool = False) -> int:
        """The revision at which this machine was elected, 0 while it does not lead.

        `yields`: whether any other machine would be the better leader for now.
        """
        self._key.refresh()
        entry = self._key.entries.get(LEADER)
        mine = entry is not None and entry.value == self._machine
        # Without a lease it would never end: nobody leads who has written that.
        self.is_vacant = entry is None or not entry.lease
        self.pause = self._to_yield(yields and self.is_vacant)
        if entry and mine and entry.lease == lease:
            return entry.create_revision
        if lease and self._key.settled and (self.is_vacant or mine) and not self.pause:
            vacant = Unchanged(LEADER, entry.mod_revision if entry else 0)
            self._key.expect(self._store.commit([Put(LEADER, self._machine, lease)], vacant))
        return 0

    def _to_yield(self, yields: bool) -> float:
        """For how many seconds a vacancy is still left to others."""
        if not yields:
            self._vacant_since = None
            return 0.0
        if self._vacant_since is None:
            self._vacant_since = self._clock()
        return max(0.0, self._vacant_since + YIELD_SECONDS - self._clock())
