"""Starting units again that are at rest although they are to run.

fleetd starts a unit once; afterwards systemd decides, so one that has failed or was stopped with
systemctl stays as it is. Taking it off its machine for a moment makes fleetd start it anew.
"""

from collections.abc import Iterable
from time import monotonic

from ...model.records import DesiredState
from ..state import wait_conditions
from ..state.transaction import transact
from ..state.view import View
from ..state.watcher import Watcher
from .destroy import deactivation
from .waiter import Wait, say_nothing


def dead_units(names: Iterable[str], view: View, with_finished: bool) -> list[str]:
    """Those units that are to run and do not: they have ended, or could not be started.

    Global units are left alone: they would stop on the machines where they run.

    Args:
        names: the units in question.
        view: the records.
        with_finished: whether a `Type=oneshot` unit that has done its work counts too.
    """
    return [name for name in names if _is_at_rest(name, view, with_finished)]


def _is_at_rest(name: str, view: View, with_finished: bool) -> bool:
    unit = view.units.get(name)
    if not unit or unit.desired_state is not DesiredState.LAUNCHED or view.is_global(name):
        return False
    if view.has_ended(name):
        return with_finished
    resting = {"failed"} if view.is_oneshot(name) and not with_finished else {"failed", "inactive"}
    states = view.reported(name).values()
    return bool(states) and all(
        (state.active in resting and state.sha == unit.sha and not state.orphan) or state.problem
        for state in states
    )


def unassign(names: list[str], watcher: Watcher, timeout: float | None) -> float | None:
    """Take units off their machines, so that they can be started anew.

    Returns:
        What is left of the time limit.
    """
    if not names:
        return timeout
    started = monotonic()
    transact(watcher, lambda view: deactivation(names, view))
    leaving = {name: wait_conditions.gone(name, "") for name in names}
    Wait(watcher, leaving, timeout, say_nothing).run()
    return None if timeout is None else max(timeout - (monotonic() - started), 0)
