"""Following the store: its records as they are, then every change, without polling."""

from queue import Empty, SimpleQueue
from time import sleep
from types import TracebackType
from typing import Self

from ...kv import KV, Changes, KVUnavailableError, Watch
from ...model import keys
from ..cli.output import notice_if_slow
from .view import View

RETRY_SECONDS = 1.0
"""How long to leave a store alone that has just refused."""
SLOW_SECONDS = 1.0
"""After so long without a change that must come, read everything instead."""

WAITING_FOR_ETCD = "Waiting for etcd: no member has answered yet."


class Watcher:
    """Keeps a `View` current while a command waits. Use it in a `with` statement."""

    view: View
    """The records, as of the last call of `wait` or `refresh`."""

    def __init__(self, store: KV) -> None:
        self.store = store
        self._changes: SimpleQueue[Changes | None] = SimpleQueue()
        self._watch: Watch | None = None

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
        self._cancel()

    @property
    def lost(self) -> bool:
        """Whether the store does not answer at present: `view` may be old."""
        return self._watch is None

    def refresh(self) -> None:
        """Read everything again, and watch from there."""
        self._cancel()
        snapshot = self.store.read(keys.ROOT)
        changes: SimpleQueue[Changes | None] = SimpleQueue()
        self._watch = self.store.watch(
            keys.ROOT, snapshot.revision, changes.put, lambda: changes.put(None)
        )
        self.view, self._changes = View(snapshot), changes

    def wait(self, seconds: float) -> None:
        """Wait until `view` has changed, at most so long."""
        if self.lost:
            self._recover(seconds)
            return
        try:
            self._take(self._changes.get(timeout=max(seconds, 0)))
            while not self.lost and not self._changes.empty():
                self._take(self._changes.get())
        except Empty:
            return

    def catch_up(self, revision: int) -> None:
        """Wait until `view` shows what was committed at `revision`."""
        while self.view.revision < revision:
            before = self.view.revision
            self.wait(SLOW_SECONDS)
            if self.view.revision == before:
                self.refresh()

    def _take(self, changes: Changes | None) -> None:
        if changes is None:
            self._cancel()
            self._recover(0)
        else:
            self.view.apply(changes)

    def _recover(self, seconds: float) -> None:
        try:
            self.refresh()
        except KVUnavailableError:
            sleep(min(max(seconds, 0), RETRY_SECONDS))

    def _cancel(self) -> None:
        if self._watch:
            self._watch.cancel()
            self._watch = None


def read_view(store: KV) -> View:
    """The records as they are now, for commands that only look."""
    with notice_if_slow(WAITING_FOR_ETCD):
        return View(store.read(keys.ROOT))
