"""The election: the leader is the machine whose id is in the key `leader`, on its lease."""

from collections.abc import Callable

from ..backoff import Chance
from ..kv import KV, CreatedAt, Delete, Put, Unchanged
from ..model.keys import LEADER
from .watch_cache import WatchCache

PROBE_TTL = 5
"""Seconds of the lease that shows that somebody else can be elected."""

YIELD_SECONDS = 1.0
"""For so much longer, at most, a vacancy is left to others by who would have to wait before it
moves anything."""


SPREAD_SECONDS = 0.2
"""Within so long all candidates stand for a vacancy, members of etcd: the first is seen by most of
the others."""


class Election:
    """A candidate. A restarted fleetd that resumes its lease resumes its leadership."""

    def __init__(
        self,
        machine: str,
        store: KV,
        clock: Callable[[], float],
        wake: Callable[[], None],
        chance: Chance,
        stands: bool = True,
        get_ready: Callable[[], object] = lambda: None,
    ) -> None:
        """Stand for nothing yet.

        Args:
            machine: its id.
            store: where the key is.
            clock: seconds.
            wake: called, from any thread, when the leader may have changed.
            chance: what keeps machines from standing in the same moment.
            stands: whether the machine may lead at all.
            get_ready: called before it stands, each time; it does not stand where that fails.
        """
        self.stands = stands
        self.pause = 0.0
        """After how many seconds to ask again though nothing has changed; 0 if not needed."""
        self.is_vacant = True
        """Whether nobody leads, as far as is known."""
        self._machine = machine
        self._store = store
        self._clock = clock
        self._key = WatchCache(store, LEADER, wake)
        self._chance = chance
        self._get_ready = get_ready
        self._stands_at: float | None = None
        """When this machine stands for the vacancy; none as long as there is none."""

    def resign(self, term: int) -> None:
        """End a leadership, and with it whatever was written in its name and is under way.

        Raises:
            KVRefusedError: nobody could be elected: etcd without room deletes, and takes no more.
        """
        self._store.revoke(self._store.grant(PROBE_TTL))
        self._key.expect(self._store.commit([Delete(LEADER)], CreatedAt(LEADER, term)))

    def withdraw(self) -> None:
        """Leave the leadership to others, also if a fleetd before this one has it."""
        self._key.refresh()
        entry = self._key.entries.get(LEADER)
        if self.stands and entry and entry.value == self._machine and self._key.settled:
            self.resign(entry.create_revision)

    def reset(self) -> None:
        """Read anew who leads."""
        self._key.close()

    def term(self, lease: int, idle: float = 0.0) -> int:
        """The revision at which this machine was elected, 0 while it does not lead.

        `idle`: for how many seconds it would have to wait before it moves anything, so that any
        other machine would be the better leader.
        """
        if not self.stands:
            return 0
        self._key.refresh()
        entry = self._key.entries.get(LEADER)
        mine = entry is not None and entry.value == self._machine
        # Without a lease it would never end: nobody leads who has written that.
        self.is_vacant = entry is None or not entry.lease
        self.pause = self._to_wait(idle)
        if entry and mine and entry.lease == lease:
            return entry.create_revision
        if lease and self._key.settled and (self.is_vacant or mine) and not self.pause:
            self._stand(lease, entry.mod_revision if entry else 0)
        return 0

    def _stand(self, lease: int, seen: int) -> None:
        """Be elected, unless the key has changed since the revision at which it was `seen`."""
        self._get_ready()
        own = Put(LEADER, self._machine, lease)
        elected = self._store.commit([own], Unchanged(LEADER, seen))
        self._key.expect(elected)
        if not elected:
            self._stands_at = None  # Another was faster: it is heard of soon.

    def _to_wait(self, idle: float) -> float:
        """For how many seconds a vacancy is still left to others."""
        if not self.is_vacant:
            self._stands_at = None
            return 0.0
        now = self._clock()
        if self._stands_at is None:
            self._stands_at = now + SPREAD_SECONDS * self._chance()
        left = self._stands_at - now
        return max(0.0, left, min(left + YIELD_SECONDS, idle))
