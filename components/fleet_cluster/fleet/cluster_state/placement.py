"""Placement as it is: where each unit is, where it is to be, and what is on its way."""

from collections.abc import Mapping
from functools import lru_cache

from ..model.pins import pins_of, secrets_of
from ..model.records import Assignment, DesiredState, Unit, UnitState
from .completion import has_completed
from .unit_files import UnitFiles

SERVING = ("active", "reloading", "refreshing")
"""ACTIVE states of a unit that runs. "refreshing": systemd mounts something into what runs."""
UP = (*SERVING, "activating")
AT_REST = ("inactive", "failed")
"""ACTIVE states of units that have no process."""


class Placements(UnitFiles):
    """Records and unit files, and the machines that units are on."""

    def assignments(self, name: str) -> Mapping[str, Assignment]:
        """The leader's assignments of a unit, by machine: to run it, or to stop it."""
        return self.schedule.get(name) or {}

    def assigned(self, name: str) -> dict[str, Assignment]:
        """Those that have it run, or loaded."""
        return {on: one for on, one in self.assignments(name).items() if is_to_run(one)}

    def withdrawn(self, name: str) -> dict[str, Assignment]:
        """Those that tell a machine to stop and remove it."""
        return {on: one for on, one in self.assignments(name).items() if not is_to_run(one)}

    def reported(self, name: str) -> Mapping[str, UnitState]:
        """What systemd said of a unit, by machine; also on one whose record is missing."""
        return self.states.get(name) or {}

    def reports(self, name: str) -> Mapping[str, UnitState]:
        """What systemd says of a unit on machines that are alive."""
        states = self.reported(name)
        if states.keys() <= self.machines.keys():
            return states
        return {on: state for on, state in states.items() if on in self.machines}

    def homes(self, name: str) -> list[str]:
        """The machines that the unit is to be on; not that where it runs until it is up there."""
        assigned = self.assigned(name)
        if len(assigned) < 2 or self.is_global(name):
            return sorted(assigned)
        current = self.current(name)
        return [current] if current in assigned else []

    def everywhere(self) -> dict[str, frozenset[str]]:
        """Where Global units are that are to be on all machines: assigned, or else running.

        A schedule that is gone (an emptied store) gives way to what runs.
        """
        return {
            unit: frozenset(self.assigned(unit).keys() | self._unassigned(unit))
            for unit, requirements in self.wanted.items()
            if requirements.is_global
        }

    def _unassigned(self, unit: str) -> set[str]:
        """Where the unit runs, and the leader says nothing of it."""
        running = {on for on, state in self._credible(unit).items() if state.active in UP}
        return running - self.assignments(unit).keys()

    def placements(self, *, at_rest: bool = True) -> dict[str, str]:
        """Where each unit is (`current`) that is to be on a machine, and not on all."""
        return {
            unit: machine
            for unit, requirements in self.wanted.items()
            if not requirements.is_global and (machine := self.current(unit, at_rest=at_rest))
        }

    def current(self, unit: str, *, at_rest: bool = True) -> str | None:
        """Where the unit is: where it is assigned, or else where it is reported.

        Not `at_rest`: only where it is assigned or runs; elsewhere it may have been later.
        """
        assignments, reports = self.assignments(unit), self._credible(unit)
        if self._is_at_home(assignments, reports):
            return next(iter(assignments))
        assigned = [
            on
            for on, one in sorted(assignments.items())
            if is_to_run(one) and not self.is_moving_away(unit, on)
        ]
        # A move that was given up: it stays where it runs.
        assigned.sort(key=lambda on: not assignments[on].destination)
        running = [on for on, state in sorted(reports.items()) if state.active in UP]
        # A schedule that is older than what runs (a restored store) gives way to what runs.
        orphans = [on for on in running if reports[on].orphan and on not in assigned]
        both = [on for on in assigned if on in reports]
        up = [on for on in both if on in running]
        # Where it is down, and was to run only until it is up elsewhere, it is not started again.
        both.sort(key=lambda on: bool(assignments[on].destination))
        for machines in (up, orphans, both, assigned, running):
            if machines:
                return machines[0]
        return (min(reports, default=None) or self._left(unit)) if at_rest else None

    def _is_at_home(
        self, assignments: Mapping[str, Assignment], reports: Mapping[str, UnitState]
    ) -> bool:
        """Whether a unit is assigned to one machine, for good, and reported by no other.

        So are nearly all; what is looked at for the others would take the leader most of its time.
        """
        if len(assignments) != 1 or not reports.keys() <= assignments.keys():
            return False
        (one,) = assignments.values()
        return is_to_run(one) and not one.destination

    def is_in_place(self, unit: str, wanted: Unit, home: str) -> bool:
        """Whether a unit is assigned to its home alone, as it is wanted, and no other has it."""
        assignments = self.assignments(unit)
        if len(assignments) != 1 or not self.reports(unit).keys() <= {home}:
            return False
        return assignments.get(home) == _assignment(wanted.sha, wanted.desired_state)

    def _credible(self, unit: str) -> Mapping[str, UnitState]:
        """The reports that say where the unit is; elsewhere it may be stopped, and is not left.

        A worker that was not told to run it may lie, to be given its secrets: it does not count,
        unless it has these already.
        """
        reports = self.reports(unit)
        strange = reports.keys() - self.assignments(unit).keys() - self.recipients.keys()
        text = self.text_of(unit) if strange else None
        if not text or not secrets_of(text):
            return reports
        return {on: s for on, s in reports.items() if on not in strange or self._has(on, text)}

    def _has(self, machine: str, text: str) -> bool:
        """Whether a machine was given all secrets of a file before."""
        pins = pins_of(text)
        given = (self.deliveries.get(f"{name}/{one}", {}) for name, one in pins.items())
        return bool(pins) and all(machine in machines for machines in given)

    def _left(self, unit: str) -> str | None:
        """Where a unit was that was stopped to move, and is nowhere yet: it is still to move."""
        move = self.moves.get(unit)
        return move.origin if move and move.origin in self.assignments(unit) else None

    def is_moving_away(self, unit: str, machine: str) -> bool:
        """Whether the unit runs here only until it is up elsewhere.

        If that machine is lost, or the reason to go has ended before it was up there, it stays.
        """
        assignments = self.assignments(unit)
        here = assignments.get(machine)
        if here is None or not is_to_run(here) or here.destination == machine:
            return False
        there = assignments.get(here.destination)
        if there is None or not is_to_run(there) or here.destination not in self.machines:
            return False
        return self.is_to_leave(unit, machine) or self.serves(unit, here.destination)

    def assignment(self, unit: str, machine: str) -> Assignment | None:
        """What has the unit run on a machine; an orphan that runs there is as good as assigned."""
        one, state = self.assignments(unit).get(machine), self.reports(unit).get(machine)
        if one is None and state and state.orphan and state.active in UP:
            return Assignment(state.sha, DesiredState.LAUNCHED)
        return one if one and is_to_run(one) else None

    def serves(self, unit: str, machine: str) -> bool:
        """Whether the unit is up on a machine, with the file that it is to have."""
        state, wanted = self.reports(unit).get(machine), self.units.get(unit)
        if state is None or wanted is None:
            return False
        return state.active in SERVING and state.sha == wanted.sha

    def is_to_leave(self, unit: str, machine: str) -> bool:
        """Whether an operator wants the unit, or one that it follows, off its machine."""
        return any(self._has_to_go(name, machine) for name in (unit, *self.followed_by(unit)))

    def followed_by(self, unit: str) -> list[str]:
        """The units that this one follows, and those that they follow; Global ones left out."""
        found: dict[str, None] = {}
        pending = [unit]
        while pending:
            asked = self.wanted.get(pending.pop())
            for peer in asked.machine_of if asked else ():
                other = self.wanted.get(peer)
                if other and not other.is_global and peer not in found and peer != unit:
                    found[peer] = None
                    pending.append(peer)
        return list(found)

    def _has_to_go(self, unit: str, machine: str) -> bool:
        eligibility, move = self.eligibility.get(machine), self.moves.get(unit)
        is_drained = eligibility is not None and eligibility.draining
        return is_drained or (move is not None and move.origin == machine)

    def completed(self) -> dict[str, str]:
        """The units that have done their work, and the machine where that was."""
        found = ((unit, self.completed_on(unit)) for unit in self.wanted)
        return {unit: machine for unit, machine in found if machine}

    def completed_on(self, unit: str) -> str | None:
        """The machine where the unit has done its work; None when it has not."""
        asked = self.wanted.get(unit)
        if not asked or not asked.runs_once or asked.is_global or asked.machine_of:
            return None
        assigned, wanted = self.assigned(unit), self.units[unit]
        is_one = len(assigned) == 1 and not self.is_followed(unit)
        if not is_one or wanted.desired_state is not DesiredState.LAUNCHED:
            return None
        ((machine, one),) = assigned.items()
        is_done = has_completed(one, self.reports(unit).get(machine))
        return machine if is_done and one.sha == wanted.sha else None

    def units_on(self, machine: str) -> list[str]:
        """The units that a machine has, or that it still reports, but those that are done there."""
        names = {n for n in self.schedule.keys() | self.states.keys() if not self.has_completed(n)}
        return sorted(
            name
            for name in names
            if machine in self.assigned(name) or machine in self.reported(name)
        )

    def has_completed(self, unit: str) -> bool:
        """Whether the unit has done its work, so that nothing of it is to move or to start."""
        return self.completed_on(unit) is not None


@lru_cache(20_000)
def _assignment(sha: str, desired: DesiredState) -> Assignment:
    """An assignment to compare with: many units have the same file."""
    return Assignment(sha, desired)


def is_to_run(assignment: Assignment) -> bool:
    """Whether an assignment has the unit run, or loaded, rather than stopped and removed."""
    return assignment.desired_state is not DesiredState.INACTIVE
