"""A watch cache: a part of the store, kept in memory by one read and a watch."""

from collections import deque
from collections.abc import Callable

from ..kv import KV, Changes, KeyValue, Watch


class WatchCache:
    """A cache of the entries under a prefix, as they were at `revision`.

    They change only in `refresh`, so that one round of the control loop sees one state.
    """

    def __init__(self, store: KV, prefix: str, wake: Callable[[], None]) -> None:
        """Reads nothing yet. `wake` is called, from any thread, when `refresh` has work to do."""
        self.entries: dict[str, KeyValue] = {}
        self.revision = 0
        self.fresh = False
        """Whether the last `refresh` read anew: `revision` was the store's newest then."""
        self.prefix = prefix
        self._store = store
        self._wake = wake
        self._feed: _Feed | None = None
        self._expected = 0

    @property
    def lost(self) -> bool:
        """Whether nothing is watched at present: `refresh` has to read anew."""
        return self._feed is None or self._feed.lost

    @property
    def interrupted(self) -> bool:
        """Whether a watch has ended by itself and nothing was read since, or tried to be read."""
        return self._feed is not None and self._feed.lost

    @property
    def settled(self) -> bool:
        """Whether everything that was `expect`ed has been seen."""
        return self.revision >= self._expected

    def expect(self, revision: int) -> None:
        """Own changes under the prefix were committed at `revision`."""
        self._expected = revision

    def refresh(self) -> set[str]:
        """Take over what has changed; read anew where the watch was lost. The keys concerned.

        Raises:
            KVUnavailableError: it had to read and could not; the entries are the last known.
        """
        self.fresh = self._feed is None or self._feed.lost
        if self._feed is None or self._feed.lost:
            return self._read()
        changed: set[str] = set()
        while self._feed.queue:
            changed |= self._apply(self._feed.queue.popleft())
        return changed

    def close(self) -> None:
        """End the watch."""
        if self._feed and self._feed.watch:
            self._feed.watch.cancel()
        self._feed = None

    def _read(self) -> set[str]:
        self.close()
        snapshot = self._store.read(self.prefix)
        changed = self.entries.keys() | snapshot.entries.keys()
        self.entries, self.revision = dict(snapshot.entries), snapshot.revision
        self._expected = 0
        feed = _Feed(self._wake)
        feed.watch = self._store.watch(
            self.prefix, snapshot.revision, feed.on_changes, feed.on_lost
        )
        self._feed = feed
        return changed

    def _apply(self, changes: Changes) -> set[str]:
        if changes.revision <= self.revision:
            return set()  # Delivered again.
        self.revision = changes.revision
        self.entries.update(changes.puts)
        for key in changes.deletes:
            self.entries.pop(key, None)
        return changes.puts.keys() | changes.deletes


class _Feed:
    """What one watch has delivered; the watch's thread writes, the loop's thread reads."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.queue: deque[Changes] = deque()
        self.lost = False
        self.watch: Watch | None = None
        self._wake = wake

    def on_changes(self, changes: Changes) -> None:
        self.queue.append(changes)
        self._wake()

    def on_lost(self) -> None:
        self.lost = True
        self._wake()
