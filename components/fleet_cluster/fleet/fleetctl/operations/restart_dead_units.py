"""Restart of dead units: those that are at rest although they are to run.

fleetd starts a unit once; afterwards systemd decides, so one that has failed or was stopped with
systemctl stays as it is. Taking it off its machine for a moment makes fleetd start it anew.
"""

from time import monotonic

from ..state.transaction import transact
from ..state.watcher import Watcher
from ..wait.stop import gone
from ..wait.wait import Wait, say_nothing
from .destroy import deactivation


def unassign(names: list[str], watcher: Watcher, timeout: float | None) -> float | None:
    """Take units off their machines, so that they can be started anew.

    Returns:
        What is left of the time limit.
    """
    if not names:
        return timeout
    started = monotonic()
    transact(watcher, lambda view: deactivation(names, view))
    leaving = {name: gone(name, "") for name in names}
    Wait(watcher, leaving, timeout, say_nothing).run()
    return None if timeout is None else max(timeout - (monotonic() - started), 0)
