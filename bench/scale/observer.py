"""What etcd says of machines and units, as it changes: when something is so, for all to see."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from fleet_cluster.fleet.coordination.watch_cache import WatchCache
from fleet_cluster.fleet.kv import KV, Delete, KVUnavailableError
from fleet_cluster.fleet.model.keys import LEADER, MACHINES, STATES, split_key
from fleet_cluster.fleet.model.records import UnitState
from fleet_cluster.fleet.unitfiles.names import template_of

ELECTION_SECONDS, BUSY_SECONDS = 1.0, 1.0
LIMIT_SECONDS = 240.0
"""What takes longer is no measurement."""


class Observer:
    """An observer follows machines and states."""

    def __init__(self, store: KV) -> None:
        self._store = store
        self._wake = threading.Event()
        self._machines = WatchCache(store, MACHINES, self._wake.set)
        self._states = WatchCache(store, STATES, self._wake.set)
        self._kinds: dict[str, tuple[str, str]] = {}
        self._active: Counter[tuple[str, str]] = Counter()

    def machines(self) -> int:
        """How many machines are announced."""
        return len(self._machines.entries)

    def leader(self) -> str:
        """The machine that leads; empty if none does."""
        entry = self._store.read(LEADER).entries.get(LEADER)
        return entry.value if entry else ""

    def have_lead(self, machine: str) -> None:
        """Have a machine lead, by as many elections as that takes."""
        while (leader := self.leader()) != machine:
            if leader:
                self._store.commit([Delete(LEADER)])
            time.sleep(ELECTION_SECONDS)

    def states(self) -> int:
        """How many states are reported."""
        return len(self._states.entries)

    def active(self, template: str, sha: str) -> int:
        """How many instances of a template are active, with this file."""
        return self._active[template, sha]

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait until it is so."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while not (self._refreshed() and is_so()):
            if not self._wake.wait(deadline - time.monotonic()):
                sys.exit(f"waited {LIMIT_SECONDS:.0f} s for {what}; {self._active}")
            self._wake.clear()

    def _refreshed(self) -> bool:
        """Take over what is new. False when etcd is too busy to say: its machines come first."""
        try:
            self._machines.refresh()
            changed = self._states.refresh()
        except KVUnavailableError:
            threading.Timer(BUSY_SECONDS, self._wake.set).start()
            return False
        for key in changed:
            if before := self._kinds.pop(key, None):
                self._active[before] -= 1
            if entry := self._states.entries.get(key):
                self._count(key, UnitState.from_json(entry.value))
        return True

    def _count(self, key: str, state: UnitState) -> None:
        if state.active == "active":
            name = split_key(key, STATES)[1]
            self._kinds[key] = template_of(name) or name, state.sha
            self._active[self._kinds[key]] += 1
