"""Who leads: the machine whose id is in the key `leader`, which lives on its lease."""

from collections.abc import Callable

from ..model import LEADER
from ..store import CreatedAt, Delete, Put, Store, Unchanged
from .mirror import Mirror


class Election:
    """One candidate. A restarted fleetd that resumes its lease resumes its leadership."""

    def __init__(self, machine: str, store: Store, wake: Callable[[], None]) -> None:
        self._machine = machine
        self._store = store
        self._key = Mirror(store, LEADER, wake)

    def resign(self, term: int) -> None:
        """End a leadership, and with it whatever was written in its name and is under way."""
        self._key.expect(self._store.commit([Delete(LEADER)], CreatedAt(LEADER, term)))

    def distrust(self) -> None:
        """Read anew who leads."""
        self._key.close()

    def term(self, lease: int) -> int:
        """The revision at which this machine was elected, 0 while it does not lead."""
        self._key.refresh()
        entry = self._key.entries.get(LEADER)
        mine = entry is not None and entry.value == self._machine
        if entry and mine and entry.lease == lease:
            return entry.create_revision
        if lease and self._key.settled and (entry is None or mine):
            vacant = Unchanged(LEADER, entry.mod_revision if entry else 0)
            self._key.expect(self._store.commit([Put(LEADER, self._machine, lease)], vacant))
        return 0
