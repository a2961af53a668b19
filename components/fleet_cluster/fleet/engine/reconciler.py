"""What the leader writes to `schedule/`, decided from the whole store: pure.

`schedule.py` says where each unit belongs. This says what may be written now on the way there: one
machine is told to stop a unit before it is given to another, and it is given only when the old
machine no longer reports it, or is gone; how units move that start first is in `migration.py`. A
machine that is gone finds what it was told when it comes back.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from ..model.keys import eligibility_key, metadata_key, move_key
from ..model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    MachineState,
    Move,
    Unit,
    UnitState,
)
from ..scheduler.explain import Explanation
from ..scheduler.schedule import Job, Plan, schedule
from ..unitfiles.names import is_template
from ..unitfiles.requirements import Requirements
from .cluster_state import Place
from .completion import finished
from .migration import Facts, Migrations, obsolete_moves

_UP = ("active", "activating", "reloading")


@dataclass(frozen=True)
class Situation:
    """What is decided on. `machines` are those that are alive."""

    units: Mapping[str, Unit]
    requirements: Mapping[str, Requirements]
    """Of the units that are to be on a machine and whose file can be used."""
    machines: Mapping[str, MachineState]
    schedule: Mapping[Place, Assignment]
    states: Mapping[Place, UnitState]
    keep_lost: bool = False
    """Leave units that are assigned to machines that are not alive."""
    keep_homeless: bool = False
    """Do not place units yet that are on no machine."""
    forgotten: AbstractSet[str] = field(default_factory=frozenset[str])
    """Lost machines that nothing is to be kept for."""
    marks: Mapping[str, Eligibility] = field(default_factory=dict[str, Eligibility])
    moves: Mapping[str, Move] = field(default_factory=dict[str, Move])
    metadata: AbstractSet[str] = field(default_factory=frozenset[str])
    """The machines, alive or not, that were given metadata at run time."""


@dataclass(frozen=True)
class Instruction:
    """One key under `schedule/` to write, or to delete when there is no assignment."""

    machine: str
    unit: str
    assignment: Assignment | None
    reason: str


@dataclass(frozen=True)
class Decision:
    """What to write now, and what has to wait for a machine's report."""

    changes: list[Instruction]
    waiting: list[str]
    """Units for which a machine's report is waited for: that they are gone, or that they are up."""
    obsolete: list[str] = field(default_factory=list[str])
    """Keys to delete: moves that have ended, what is kept of machines that are gone for good."""


def decide(situation: Situation) -> Decision:
    """What to change in the schedule."""
    return _Reconciler(situation).decide()


def wanted_units(units: Mapping[str, Unit]) -> list[str]:
    """The units that are to be on a machine."""
    return [
        name
        for name, unit in units.items()
        if unit.desired_state is not DesiredState.INACTIVE and not is_template(name)
    ]


class _Reconciler:
    def __init__(self, situation: Situation) -> None:
        self._s = situation
        self._entries: defaultdict[str, dict[str, Assignment]] = defaultdict(dict)
        for (machine, unit), assignment in situation.schedule.items():
            self._entries[unit][machine] = assignment
        self._reports: defaultdict[str, dict[str, UnitState]] = defaultdict(dict)
        for (machine, unit), state in situation.states.items():
            if machine in situation.machines:
                self._reports[unit][machine] = state
        self._facts = Facts(
            situation.units,
            situation.requirements,
            situation.machines,
            situation.marks,
            situation.moves,
            self._entries,
            self._reports,
        )
        self._waiting: list[str] = []

    def decide(self) -> Decision:
        self._finished = finished(self._facts)
        current = self._places()
        plan = self._plan(current)
        self._journeys = Migrations(self._facts, plan, current)
        self._occupied = self._machines_with_units()
        changes: list[Instruction] = []
        for unit in sorted(self._entries.keys() | self._reports.keys() | self._s.units.keys()):
            changes.extend(self._changes(unit, plan))
        moves = list[str]() if self._s.keep_lost else obsolete_moves(self._facts, plan)
        obsolete = [*map(move_key, moves), *self._obsolete_records()]
        return Decision(changes, self._waiting, obsolete)

    def _places(self) -> dict[str, str]:
        """Where each unit is that is not Global."""
        requirements = self._s.requirements
        return {
            unit: machine
            for unit in requirements
            if not requirements[unit].is_global and (machine := self._current(unit))
        }

    def _plan(self, current: Mapping[str, str]) -> Plan:
        requirements = self._s.requirements
        jobs = [
            Job(unit, requirements[unit])
            for unit in requirements
            if unit not in self._finished
            and (requirements[unit].is_global or not self._is_kept(current.get(unit)))
        ]
        machines = list(self._s.machines.values())
        return schedule(jobs, machines, current, self._s.marks, self._s.moves)

    def _machines_with_units(self) -> set[str]:
        """The machines that have units which are not Global."""
        asked = self._s.requirements
        places = [*self._s.schedule, *self._s.states]
        occupied = [(on, unit) for on, unit in places if self._finished.get(unit) != on]
        return {on for on, unit in occupied if unit not in asked or not asked[unit].is_global}

    def _obsolete_records(self) -> Iterator[str]:
        """Of machines that were removed, once nothing is kept for them; the mark goes last."""
        kept = {machine for machine, _ in self._s.schedule}
        for machine, mark in self._s.marks.items():
            if mark.removed and machine in self._s.forgotten and machine not in kept:
                yield (metadata_key if machine in self._s.metadata else eligibility_key)(machine)

    def _is_kept(self, machine: str | None) -> bool:
        """Whether a unit that is there now stays there, whatever the plan would say."""
        if machine is None:
            return self._s.keep_homeless
        return self._s.keep_lost and machine not in self._s.machines

    def _current(self, unit: str) -> str | None:
        """Where the unit is now: where it is assigned, or else where it is reported."""
        reports = self._reports[unit]
        assigned = [
            machine
            for machine, assignment in sorted(self._entries[unit].items())
            if assignment.desired_state is not DesiredState.INACTIVE
            and not self._facts.is_leaving(unit, machine)
        ]
        # A move that was given up: it stays where it runs.
        assigned.sort(key=lambda machine: not self._entries[unit][machine].destination)
        running = [m for m, state in sorted(reports.items()) if state.active in _UP]
        # A schedule that is older than what runs (a restored store) gives way to what runs.
        held = [m for m in running if reports[m].orphan and m not in assigned]
        both = [m for m in assigned if m in reports]
        for machines in ([m for m in both if m in running], held, both, assigned, running):
            if machines:
                return machines[0]
        if self._s.keep_homeless:
            return None  # Where it is at rest now it need not have been last.
        return min(reports, default=None) or self._left(unit)

    def _left(self, unit: str) -> str | None:
        """Where a unit was that was stopped to move, and is nowhere yet: it is still to move."""
        move = self._s.moves.get(unit)
        return move.origin if move and move.origin in self._entries[unit] else None

    def _changes(self, unit: str, plan: Plan) -> Iterator[Instruction]:
        wanted = self._s.units.get(unit)
        if wanted is None or wanted.desired_state is DesiredState.INACTIVE:
            known = wanted is not None
            yield from self._withdraw(unit, set(), "it is to run nowhere", known)
        elif unit not in self._s.requirements:
            return  # Its file cannot be used: whatever is assigned stays.
        elif unit in self._finished:
            yield from self._rest(unit, self._finished[unit])
        elif self._s.requirements[unit].is_global:
            yield from self._spread(unit, wanted, plan.global_placements.get(unit, frozenset()))
        elif unit in plan.placements:
            choice = plan.explanations.get(unit, Explanation("it is there already"))
            yield from self._place(unit, wanted, plan.placements[unit], choice)
        else:
            yield from self._leave(unit)

    def _rest(self, unit: str, machine: str) -> Iterator[Instruction]:
        """It has done its work, and stays where that was."""
        told, because = self._entries[unit][machine], "it has done its work here"
        if not told.completed:
            note = replace(told, completed=True, reason=because, rejections={})
            yield Instruction(machine, unit, note, because)
        yield from self._withdraw(unit, {machine}, f"it has done its work on {machine}")

    def _spread(self, unit: str, wanted: Unit, homes: AbstractSet[str]) -> Iterator[Instruction]:
        entries = self._entries[unit]
        lost = entries.keys() - self._s.machines.keys() - self._s.forgotten
        here = entries.keys() | self._reports[unit].keys()
        serving = {machine for machine in here if self._still_serves(unit, machine)} - homes
        if serving:
            self._waiting.append(unit)
        for machine in sorted(homes | lost | serving):
            there = replace(wanted, sha=wanted.sha_on(machine))
            yield from self._assign(unit, there, machine, Explanation("it runs on all that fit"))
        homes = homes | lost | serving
        yield from self._withdraw(unit, homes, "a global unit that does not fit here")

    def _still_serves(self, unit: str, machine: str) -> bool:
        """Whether a Global unit is on a machine that is drained and is not empty yet."""
        mark = self._s.marks.get(machine)
        draining = mark is not None and mark.draining and machine in self._occupied
        return draining and self._facts.told(unit, machine) is not None

    def _place(
        self, unit: str, wanted: Unit, home: str, choice: Explanation
    ) -> Iterator[Instruction]:
        if unit in self._journeys.held:
            self._waiting.append(unit)
            home = self._journeys.held[unit]
        if unit in self._journeys.sources:
            yield from self._hand_over(unit, wanted, home, choice)
            return
        if self._is_held_elsewhere(unit, home):
            yield from self._withdraw(unit, set(), f"it belongs to {home}, once it has stopped")
            self._waiting.append(unit)
            return
        yield from self._withdraw(unit, {home}, f"it belongs to {home}")
        if self._is_assigned(unit, home) or not self._is_elsewhere(unit, home):
            yield from self._assign(unit, wanted, home, choice, self._origin(unit, home))
        else:
            self._waiting.append(unit)

    def _hand_over(
        self, unit: str, wanted: Unit, home: str, choice: Explanation
    ) -> Iterator[Instruction]:
        """Run it on both machines until it is up on the new one."""
        self._waiting.append(unit)
        source = self._journeys.sources[unit]
        told = self._facts.told(unit, source)
        if told and told.destination != home:
            reason = f"it moves to {home}, where it is started first"
            yield Instruction(source, unit, replace(told, destination=home, reason=reason), reason)
        yield from self._withdraw(unit, {source, home}, f"it belongs to {home}")
        if self._is_assigned(unit, home) or not self._is_elsewhere(unit, home, besides=source):
            yield from self._assign(unit, wanted, home, choice, source)

    def _leave(self, unit: str) -> Iterator[Instruction]:
        """It fits nowhere, or nothing is to be moved: a lost machine may come back with it."""
        lost = self._entries[unit].keys() - self._s.machines.keys() - self._s.forgotten
        stays = {m for m in self._reports[unit] if not self._is_assigned(unit, m)}
        yield from self._withdraw(unit, lost | stays, "it fits nowhere")

    def _is_assigned(self, unit: str, machine: str) -> bool:
        entry = self._entries[unit].get(machine)
        return entry is not None and entry.desired_state is not DesiredState.INACTIVE

    def _is_elsewhere(self, unit: str, home: str, besides: str = "") -> bool:
        """Whether another live machine may still run it, not counting `besides`."""
        alive = self._s.machines.keys()
        assigned = {m for m in self._entries[unit] if self._is_assigned(unit, m)}
        return bool((self._reports[unit].keys() | (assigned & alive)) - {home, besides})

    def _is_held_elsewhere(self, unit: str, home: str) -> bool:
        """Whether a machine that was out of sight came back with it before home has started it."""
        reports = self._reports[unit]
        up = {machine for machine, state in reports.items() if state.active in _UP}
        return home not in up and any(reports[machine].orphan for machine in up)

    def _origin(self, unit: str, home: str) -> str:
        """Where it was before: one that is still to run there is nearer than one told to stop."""
        others = sorted(self._entries[unit].keys() - {home})
        return next((m for m in others if self._is_assigned(unit, m)), min(others, default=""))

    def _assign(
        self, unit: str, wanted: Unit, machine: str, choice: Explanation, origin: str = ""
    ) -> Iterator[Instruction]:
        old, new = self._entries[unit].get(machine), Assignment(wanted.sha, wanted.desired_state)
        if old == new:
            return
        if old and self._is_assigned(unit, machine):
            choice, origin = Explanation(_difference(old, new)), ""
        told = replace(new, reason=choice.reason, rejections=choice.rejections, origin=origin)
        yield Instruction(machine, unit, told, f"{wanted.desired_state}: {choice.reason}")

    def _withdraw(
        self, unit: str, homes: AbstractSet[str], reason: str, known: bool = True
    ) -> Iterator[Instruction]:
        """Tell all machines but its homes to stop the unit, until they no longer report it.

        Without a record (not `known`), a unit stays where it runs without an assignment.
        """
        entries, reports = self._entries[unit], self._reports[unit]
        for machine in sorted((entries.keys() | reports.keys()) - homes):
            entry = entries.get(machine)
            if entry is None and not known:
                continue
            if self._is_forgotten(machine, known) or self._has_obeyed(unit, machine):
                yield Instruction(machine, unit, None, "done")
            elif entry is None or entry.desired_state is not DesiredState.INACTIVE:
                sha, ended = (
                    (entry.sha, entry.completed) if entry else (reports[machine].sha, False)
                )
                told = Assignment(sha, DesiredState.INACTIVE, reason=reason, completed=ended)
                yield Instruction(machine, unit, told, reason)

    def _is_forgotten(self, machine: str, known: bool) -> bool:
        """Whether a machine that may be back some day need not find what it was told of a unit.

        Of a unit without a record nobody else could tell it to stop.
        """
        mark = self._s.marks.get(machine)
        return machine in self._s.forgotten and (known or (mark is not None and mark.removed))

    def _has_obeyed(self, unit: str, machine: str) -> bool:
        told = self._entries[unit].get(machine)
        is_told = told is not None and told.desired_state is DesiredState.INACTIVE
        alive = machine in self._s.machines
        return is_told and alive and machine not in self._reports[unit]


def _difference(old: Assignment, new: Assignment) -> str:
    """Why a unit is told something else where it is."""
    if old.sha != new.sha:
        return "its file changed, and it stays"
    if old.desired_state is not new.desired_state:
        return "its target changed, and it stays"
    if old.completed:
        return "it runs again where it was"
    return "it no longer moves away"
