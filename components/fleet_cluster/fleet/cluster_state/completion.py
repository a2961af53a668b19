"""Completion of units: those that have done their work, and that nothing is left of to move or run.

A unit that runs once (`Type=oneshot` without `RemainAfterExit=`) and has ended well stays where
that was, whether its machine is drained or lost. Its assignment says so, and outlives what the
machine reports. What failed has its work still to do; what is active (`RemainAfterExit=yes`) is
needed where it is; and what follows others, or is followed, belongs with them: these move.
"""

from ..model.records import Assignment, DesiredState, UnitState
from ..unitfiles.requirements import Requirements


def has_completed(assignment: Assignment, state: UnitState | None) -> bool:
    """Whether the unit has done its work, by what its machine reports, or else by what was noted.

    It was started for this assignment, and is inactive since.
    """
    if state is None:
        return assignment.completed
    was_started = (
        assignment.desired_state is DesiredState.LAUNCHED
        and state.sha == assignment.sha
        and not state.orphan
    )
    has_ended = state.active == "inactive" and state.since >= state.start_requested_at > 0
    return was_started and has_ended


def is_completion(
    assignment: Assignment | None, state: UnitState | None, asked: Requirements | None
) -> bool:
    """Whether a report says of a unit that runs once what its assignment does not say."""
    if assignment is None or assignment.desired_state is DesiredState.INACTIVE:
        return False
    if asked is None or not asked.runs_once:
        return False
    return has_completed(assignment, state) != assignment.completed
