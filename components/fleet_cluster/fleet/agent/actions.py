"""Next actions: what is to be done about a unit, as it is assigned and as systemd has it (pure)."""

from enum import Enum, auto

from ..model.records import Assignment, DesiredState
from ..systemd.manager import UnitStatus, is_at_rest
from .checkpoint import LocalUnit, Progress


class Action(Enum):
    """An action on a unit of this machine."""

    NOTHING = auto()
    WRITE = auto()
    START = auto()
    STARTED = auto()
    """Only to be noted: it turns out to have been started."""
    STOP = auto()
    STOPPED = auto()
    """Only to be noted: it is loaded and not started."""
    REMOVE = auto()


def next_action(
    unit: LocalUnit | None, assignment: Assignment | None, status: UnitStatus
) -> Action:
    """The next action on a unit: of what the machine has, what is assigned, what systemd says."""
    if assignment is None:
        return _of_orphan(unit, status)
    is_here = assignment.desired_state is not DesiredState.INACTIVE
    if unit is None:
        return Action.WRITE if is_here else Action.NOTHING
    if not is_here:
        return Action.REMOVE if is_at_rest(status) else Action.STOP
    if assignment.sha != unit.sha:
        return Action.WRITE if is_at_rest(status) else Action.STOP
    action = _towards(assignment.desired_state, unit, status)
    # Here it would only have run on until it is up there: by now it may be.
    is_too_late = action is Action.START and assignment.destination
    return Action.NOTHING if is_too_late else action


def _of_orphan(unit: LocalUnit | None, status: UnitStatus) -> Action:
    """It stays as it is; what may not be noted yet is that it was started."""
    if unit is None or unit.progress is not Progress.STARTING:
        return Action.NOTHING
    return Action.NOTHING if _never_started(unit, status) else Action.STARTED


def _towards(desired: DesiredState, unit: LocalUnit, status: UnitStatus) -> Action:
    if unit.progress is Progress.WRITING:
        return Action.WRITE
    if desired is DesiredState.LAUNCHED and unit.progress is not Progress.STOPPING:
        return _towards_launched(unit, status)
    if unit.progress is not Progress.LOADED:
        return Action.STOPPED if is_at_rest(status) else Action.STOP
    return Action.NOTHING


def _towards_launched(unit: LocalUnit, status: UnitStatus) -> Action:
    if unit.progress is Progress.LOADED:
        return Action.START
    if unit.progress is Progress.STARTING:
        return Action.START if _never_started(unit, status) else Action.STARTED
    return Action.NOTHING


def _never_started(unit: LocalUnit, status: UnitStatus) -> bool:
    """Whether the start that was noted first was not done."""
    # Not "later than": the time of day may have been set back meanwhile.
    return is_at_rest(status) and status.since in (0.0, unit.since)
