"""Dead units: those that are to run and do not (pure)."""

from collections.abc import Iterable

from ...cluster_state.state import ClusterState
from ...model.records import DesiredState


def dead_units(names: Iterable[str], view: ClusterState, with_finished: bool) -> list[str]:
    """Dead units of those that are named: they have ended, or could not be started.

    Global units are left alone: they would stop on the machines where they run.

    Args:
        names: the units in question.
        view: the records.
        with_finished: whether a `Type=oneshot` unit that has done its work counts too.
    """
    return [name for name in names if _is_at_rest(name, view, with_finished)]


def _is_at_rest(name: str, view: ClusterState, with_finished: bool) -> bool:
    unit = view.asked(name)
    if not unit or unit.desired_state is not DesiredState.LAUNCHED or view.is_global(name):
        return False
    if view.has_completed(name):
        return with_finished
    resting = {"failed"} if view.is_oneshot(name) and not with_finished else {"failed", "inactive"}
    states = view.reported(name).values()
    return bool(states) and all(
        (state.active in resting and state.sha == unit.sha and not state.orphan) or state.problem
        for state in states
    )
