"""What this process does on signals, put back after a test that changes it."""

import signal
from collections.abc import Iterable, Mapping
from typing import Any


def handlers(kinds: Iterable[signal.Signals]) -> dict[signal.Signals, Any]:
    """What is done on each, as `signal.signal` takes it."""
    return {kind: signal.getsignal(kind) for kind in kinds}


def put_back(before: Mapping[signal.Signals, Any]) -> list[signal.Signals]:
    """Put back those that are others than before: which they were."""
    changed = [kind for kind, handler in before.items() if signal.getsignal(kind) is not handler]
    for kind in changed:
        signal.signal(kind, before[kind])
    return changed
