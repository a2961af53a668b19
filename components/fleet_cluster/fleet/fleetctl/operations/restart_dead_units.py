"""Restart of dead units: those that are at rest although they are to run.

fleetd starts a unit once; afterwards systemd decides, so one that has failed or was stopped with
systemctl stays as it is. Taking it off its machine for a moment makes fleetd start it anew. What a
timer or path starts stays loaded there meanwhile.
"""

from collections.abc import Callable
from time import monotonic

from ...cluster_state.state import ClusterState
from ...kv import KVRefusedError, KVUnavailableError
from ..cli.errors import TimedOutError
from ..cli.output import tell
from ..state.transaction import transact
from ..state.watcher import Watcher
from ..wait.outcome import Reports, WaitCondition
from ..wait.stop import gone, unstarted
from ..wait.wait import Wait, say_nothing
from .destroy import deactivation


def unassign(
    names: list[str], watcher: Watcher, timeout: float | None, restore: Callable[[], object]
) -> float | None:
    """Take units off their machines, so that they can be started anew.

    Args:
        names: the units.
        watcher: the records.
        timeout: in seconds.
        restore: writes that they are to run, which they are also when this comes to no end.

    Returns:
        What is left of the time limit.

    Raises:
        TimedOutError: the time limit came first.
    """
    if not names:
        return timeout
    started = monotonic()
    try:
        _unassign(names, watcher, timeout)
    except KVRefusedError:
        raise  # Nothing was written.
    except (TimedOutError, KeyboardInterrupt, KVUnavailableError):
        _restore(names, watcher, restore)
        raise
    return None if timeout is None else max(timeout - (monotonic() - started), 0)


def _unassign(names: list[str], watcher: Watcher, timeout: float | None) -> None:
    before = {name: dict(watcher.state.reported(name)) for name in names}
    transact(watcher, lambda view: deactivation(names, view))
    leaving = {name: _off(name, watcher.state, before[name]) for name in names}
    Wait(watcher, leaving, timeout, say_nothing).run()


def _off(name: str, view: ClusterState, before: Reports) -> WaitCondition:
    unit, leaves = view.units.get(name), gone(name, "")
    stays = unstarted(name, unit, before) if unit else leaves
    return lambda now: (stays if now.trigger(name) else leaves)(now)


def _restore(names: list[str], watcher: Watcher, restore: Callable[[], object]) -> None:
    try:
        watcher.refresh()  # What was just written may not be in the view yet.
        restore()
    except KVUnavailableError as error:
        words = " ".join(names)
        tell(f"{words}: stopped, and perhaps not to run any more ({error}): fleetctl start {words}")
