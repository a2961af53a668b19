"""Watching etcd: the state of the cluster as it is, then every change, without polling."""

from threading import Event
from time import sleep
from types import TracebackType
from typing import Self

from ...cluster_state.state import ClusterState
from ...coordination.watch_cache import WatchCache
from ...kv import KV, KVUnavailableError
from ...model import keys
from ..cli.origin import Origin
from ..cli.output import notice_if_slow, tell

RETRY_SECONDS = 1.0
"""How long to leave a store alone that has just refused."""
SLOW_SECONDS = 1.0
"""After so long without a change that must come, read everything instead."""

WAITING_FOR_ETCD = "Waiting for etcd: no member has answered yet."


class Watcher:
    """Keeps a `ClusterState` current while a command waits. Use it in a `with` statement."""

    def __init__(self, store: KV, origin: Origin = Origin()) -> None:  # noqa: B008 - frozen.
        """`origin`: who changes what through it, for the history of units."""
        self.store = store
        self.origin = origin
        self.state = ClusterState(tell)
        """The cluster, as of the last call of `wait` or `refresh`."""
        self._has_changed = Event()
        self._cache = WatchCache(store, keys.ROOT, self._has_changed.set)

    def __enter__(self) -> Self:
        with notice_if_slow(WAITING_FOR_ETCD):
            self.refresh()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cache.close()

    @property
    def lost(self) -> bool:
        """Whether the store does not answer at present: `state` may be old."""
        return self._cache.lost

    def leases(self) -> dict[str, int]:
        """The leases in etcd that the machines' records are on, by the machine's id."""
        found = {id: self._cache.entries.get(keys.machine_key(id)) for id in self.state.machines}
        return {id: entry.lease for id, entry in found.items() if entry and entry.lease}

    def refresh(self) -> None:
        """Read everything again, and watch from there."""
        self._cache.close()
        self._take_in()

    def wait(self, seconds: float) -> None:
        """Wait until `state` has changed, at most so long, or until it is known to be `lost`.

        What was lost is read again by the next call, which takes a while if nobody answers.
        """
        if self.lost:
            self._recover(seconds)
        elif self._has_changed.wait(max(seconds, 0)) and not self.lost:
            self._recover(0)

    def catch_up(self, revision: int) -> None:
        """Wait until `state` shows what was committed at `revision`."""
        while self.state.revision < revision:
            before = self.state.revision
            self.wait(SLOW_SECONDS)
            if self.state.revision == before:
                self.refresh()

    def _recover(self, seconds: float) -> None:
        """Take in what has changed; if the store does not answer, leave it alone for a while."""
        try:
            self._take_in()
        except KVUnavailableError:
            sleep(min(max(seconds, 0), RETRY_SECONDS))

    def _take_in(self) -> None:
        self._has_changed.clear()
        changed = sorted(self._cache.refresh())
        self.state.update(changed, self._cache.entries, self._cache.revision)


def read_state(store: KV) -> ClusterState:
    """The cluster as it is now, for commands that only look."""
    with notice_if_slow(WAITING_FOR_ETCD):
        return ClusterState.of(store.read(keys.ROOT), tell)
