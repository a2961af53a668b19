"""The stream: an overview of the cluster as it is, then each change, on a machine."""

from collections.abc import Callable
from time import sleep, time

from ...coordination.debounce import SECONDS
from ..state.watcher import Watcher
from .changes import change
from .overview import Overview, overview_of

LOOK_SECONDS = 60.0
"""How long to wait for a change before looking all the same."""


def stream(watcher: Watcher, write: Callable[[str], None]) -> None:
    """Write the cluster, then what changes of it, until interrupted."""
    before: Overview | None = None
    seen = -1, False
    while True:
        if (watcher.state.revision, watcher.lost) != seen:
            was_lost = seen[1]
            seen = watcher.state.revision, watcher.lost
            now = overview_of(watcher.state)
            if before is None or now != before or watcher.lost != was_lost:
                write(change(before, now, time(), lost=watcher.lost).to_json())
            before = now
        watcher.wait(LOOK_SECONDS)
        sleep(SECONDS)  # What comes in several transactions is told once.
        watcher.wait(0)
