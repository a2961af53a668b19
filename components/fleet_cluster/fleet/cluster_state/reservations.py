"""Reservations as they are: what units have of each machine that are there, or on their way."""

from collections import defaultdict
from collections.abc import Iterator

from ..model.records import Assignment, DesiredState, UnitState
from ..scheduler.room import shortage
from ..unitfiles.names import UnitFileError
from ..unitfiles.resources import Resources
from .placement import AT_REST, Placements, is_to_run
from .unit_files import parse_once


class Reservations:
    """What is reserved on each machine.

    A unit that moves has its part of both machines until it has stopped on the one; so has one
    that is to stop, until its machine reports that. What the plan does not know, and nobody
    stops, has none: a unit would wait for ever that the plan has room for.
    """

    def __init__(self, state: Placements) -> None:
        self._state = state
        self._of: dict[str, dict[str, Resources]] = defaultdict(dict)
        """By machine and unit."""
        for unit in state.schedule.keys() | state.states.keys():
            for machine, resources in _occupied(unit, state):
                self._of[machine][unit] = resources

    def on(self, machine: str) -> Resources:
        """All that is reserved on a machine."""
        return sum(self._of.get(machine, {}).values(), Resources())

    def units(self, machine: str) -> list[str]:
        """The units that have a part of a machine."""
        return sorted(self._of.get(machine, ()))

    def shortage(self, machine: str, unit: str) -> str:
        """What a unit that is to come there has to wait for; empty when there is room.

        The plan has room for it there; what is to leave may not have stopped yet.
        """
        wanted, node = self._wanted(unit), self._state.machines.get(machine)
        if not wanted or not node or unit in self._of[machine] or self._rests(unit, machine):
            return ""
        return shortage(node, self.on(machine), wanted)

    def reserve(self, machine: str, unit: str) -> bool:
        """Reserve what a unit wants on a machine where it is to come. Whether there is room."""
        if self.shortage(machine, unit):
            return False
        if wanted := self._wanted(unit):
            self._of[machine][unit] = wanted
        return True

    def _rests(self, unit: str, machine: str) -> bool:
        """Whether the plan has it there already: it stays, whatever is reserved by now."""
        return not self._state.is_global(unit) and self._state.current(unit) == machine

    def _wanted(self, unit: str) -> Resources:
        asked = self._state.wanted.get(unit)
        return asked.resources if asked else Resources()


def _occupied(unit: str, state: Placements) -> Iterator[tuple[str, Resources]]:
    """Machines that a unit has a part of, and how much."""
    asked = state.wanted.get(unit)
    if asked and not asked.resources:
        return
    assignments, reports = state.assignments(unit), state.reports(unit)
    for machine in assignments.keys() | reports.keys():
        one, report = assignments.get(machine), reports.get(machine)
        sha = one.sha if one else report.sha if report else ""
        resources = _resources(unit, sha, state)
        is_there = _is_there(one, report) and _is_known(unit, one, state)
        if resources and is_there and state.completed_on(unit) != machine:
            yield machine, resources


def _is_there(assignment: Assignment | None, report: UnitState | None) -> bool:
    is_assigned = assignment is not None and is_to_run(assignment)
    return is_assigned or (report is not None and report.active not in AT_REST)


def _is_known(unit: str, assignment: Assignment | None, state: Placements) -> bool:
    """Whether the plan has the unit, or it is to stop here.

    Others run on: without a record, or with a new file that cannot be used.
    """
    if unit in state.wanted:
        return True
    record = state.units.get(unit)
    if record is None:
        return assignment is not None
    is_told = assignment is not None and not is_to_run(assignment)
    return is_told or record.desired_state is DesiredState.INACTIVE


def _resources(unit: str, sha: str, state: Placements) -> Resources:
    """By the file that the unit is to have, or else by that which it has."""
    if asked := state.wanted.get(unit):
        return asked.resources
    try:
        return parse_once(unit, state.files.get(sha, "")).requirements.resources
    except UnitFileError:
        return Resources()
