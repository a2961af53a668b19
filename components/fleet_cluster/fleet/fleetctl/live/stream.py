"""The stream: an overview of the cluster as it is, then each change, on a machine."""

from collections.abc import Callable
from dataclasses import replace
from time import monotonic, sleep, time

from ...coordination.debounce import SECONDS
from ...kv import KV, KVForbiddenError, KVUnavailableError, LeaseLostError
from ..state.watcher import Watcher
from .changes import Change, change
from .overview import Overview, overview_of

LEASE_SECONDS = 5.0
"""How often etcd is asked how old the machines' leases are: that they were renewed is no change."""


class _Lines:
    """Lines that are written, and when the last one was."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self.written_at = monotonic()

    def add(self, one: Change) -> None:
        self._write(one.to_json())
        self.written_at = monotonic()


def stream(watcher: Watcher, write: Callable[[str], None]) -> None:
    """Write the cluster, then what changes of it, and how old leases are, until interrupted.

    At least a line every `LEASE_SECONDS`, by which whoever reads knows that it goes on.
    """
    lines = _Lines(write)
    before: Overview | None = None
    seen = -1, False
    asked_at = -LEASE_SECONDS
    while True:
        if (watcher.state.revision, watcher.lost) != seen:
            was_lost = seen[1]
            seen = watcher.state.revision, watcher.lost
            now = overview_of(watcher.state)
            if before is None or now != before or watcher.lost != was_lost:
                every = LEASE_SECONDS if before is None else 0.0
                one = change(before, now, time(), lost=watcher.lost)
                lines.add(replace(one, every=every))
            before = now
        if monotonic() >= asked_at + LEASE_SECONDS and not watcher.lost:
            ages = lease_ages(watcher.store, watcher.leases())
            if ages:
                lines.add(Change(time(), False, False, {}, {}, ages))
            asked_at = monotonic()
        if monotonic() >= lines.written_at + LEASE_SECONDS:
            lines.add(Change(time(), False, seen[1], {}, {}))
        due = min(asked_at, lines.written_at) + LEASE_SECONDS
        watcher.wait(max(due - monotonic(), 0.001))
        sleep(SECONDS)  # What comes in several transactions is told once.
        if not watcher.lost:  # That is told before anything else.
            watcher.wait(0)


def lease_ages(store: KV, leases: dict[str, int]) -> dict[str, int]:
    """How many seconds ago each was renewed, as far as etcd tells it now.

    Args:
        store: etcd.
        leases: each machine's, by its id.
    """
    found = dict[str, int]()
    for machine, lease in leases.items():
        try:
            found[machine] = store.lease_age(lease)
        except (LeaseLostError, KVForbiddenError):
            continue  # The watch tells that it is lost; a worker may not ask for another's.
        except KVUnavailableError:
            break  # The watch tells of that too.
    return found
