"""The stream: an overview of the cluster as it is, then each change, on a machine."""

from collections.abc import Callable
from time import monotonic, sleep, time

from ...coordination.debounce import SECONDS
from ...kv import KV, KVForbiddenError, KVUnavailableError, LeaseLostError
from ..state.watcher import Watcher
from .changes import Change, change
from .overview import Overview, overview_of

LEASE_SECONDS = 5.0
"""How often etcd is asked how old the machines' leases are: that they were renewed is no change."""


def stream(watcher: Watcher, write: Callable[[str], None]) -> None:
    """Write the cluster, then what changes of it, and how old leases are, until interrupted."""
    before: Overview | None = None
    seen = -1, False
    asked_at = -LEASE_SECONDS
    while True:
        if (watcher.state.revision, watcher.lost) != seen:
            was_lost = seen[1]
            seen = watcher.state.revision, watcher.lost
            now = overview_of(watcher.state)
            if before is None or now != before or watcher.lost != was_lost:
                write(change(before, now, time(), lost=watcher.lost).to_json())
            before = now
        if monotonic() >= asked_at + LEASE_SECONDS and not watcher.lost:
            ages = lease_ages(watcher.store, watcher.leases())
            if ages:
                write(Change(time(), False, False, {}, {}, ages).to_json())
            asked_at = monotonic()
        watcher.wait(max(asked_at + LEASE_SECONDS - monotonic(), 0.001))
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
