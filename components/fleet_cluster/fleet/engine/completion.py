"""Units that have done their work: there is nothing of them to move, or to run again. Pure.

A unit that runs once (`Type=oneshot` without `RemainAfterExit=`) and has ended well stays where
that was, whether its machine is drained or lost. Its assignment says so, and outlives what the
machine reports. What failed has its work still to do; what is active (`RemainAfterExit=yes`) is
needed where it is; and what follows others, or is followed, belongs with them: these move.
"""

from collections.abc import Mapping

from ..model.records import Assignment, DesiredState, UnitState
from ..unitfiles.requirements import Requirements
from .migration import Facts


def finished(facts: Facts) -> dict[str, str]:
    """The units that have done their work, and the machine where that was."""
    followed = {peer for asked in facts.requirements.values() for peer in asked.machine_of}
    found: dict[str, str] = {}
    for unit, asked in facts.requirements.items():
        if not asked.runs_once or asked.is_global or asked.machine_of or unit in followed:
            continue
        entries = _homes(facts.entries[unit])
        if len(entries) == 1 and facts.units[unit].desired_state is DesiredState.LAUNCHED:
            ((machine, entry),) = entries.items()
            is_same = entry.sha == facts.units[unit].sha
            if is_same and has_ended(entry, facts.reports[unit].get(machine)):
                found[unit] = machine
    return found


def has_ended(entry: Assignment, state: UnitState | None) -> bool:
    """Whether the unit has done its work, by what its machine reports, or else by what was noted.

    It was started for this assignment, and is inactive since.
    """
    if state is None:
        return entry.completed
    was_started = (
        entry.desired_state is DesiredState.LAUNCHED and state.sha == entry.sha and not state.orphan
    )
    return (
        was_started and state.active == "inactive" and state.since >= state.start_requested_at > 0
    )


def is_news(entry: Assignment | None, state: UnitState | None, asked: Requirements | None) -> bool:
    """Whether a report says of a unit that runs once what its assignment does not say."""
    if (
        entry is None
        or asked is None
        or not asked.runs_once
        or entry.desired_state is DesiredState.INACTIVE
    ):
        return False
    return has_ended(entry, state) != entry.completed


def _homes(entries: Mapping[str, Assignment]) -> dict[str, Assignment]:
    return {
        on: entry
        for on, entry in entries.items()
        if entry.desired_state is not DesiredState.INACTIVE
    }
