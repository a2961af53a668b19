"""What the leader writes to `schedule/`, decided from the state of the cluster: pure.

`schedule.py` says where each unit belongs. This says what may be written now on the way there: one
machine is told to stop a unit before it is given to another, and it is given only when the old
machine no longer reports it, or is gone; how units move that start first is in `migration.py`. A
machine that is gone finds what it was told when it comes back.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from ..cluster_state.placement import UP, is_to_run
from ..cluster_state.reservations import Reservations
from ..cluster_state.state import ClusterState
from ..model.keys import eligibility_key, metadata_key, move_key, recipient_key
from ..model.records import Assignment, DesiredState, Unit
from ..scheduler.explain import Explanation
from ..scheduler.schedule import Plan
from .migration import Migrations, obsolete_moves


@dataclass(frozen=True)
class Caution:
    """What is not to be concluded from the state alone."""

    keep_lost: bool = False
    """Leave units that are assigned to machines that are not alive."""
    keep_unplaced: bool = False
    """Do not place units yet that are on no machine."""
    forgotten: AbstractSet[str] = field(default_factory=frozenset[str])
    """Lost machines that nothing is to be kept for."""


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
    moving: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Units that stop where they are before they start elsewhere: on which machine, and the file
    (SHA-256)."""
    unplaced: int = 0
    """How many units fit on no machine."""


def decide(state: ClusterState, caution: Caution | None = None) -> Decision:
    """What to change in the schedule."""
    return _Reconciler(state, caution or Caution()).decide()


class _Reconciler:
    def __init__(self, state: ClusterState, caution: Caution) -> None:
        self._state = state
        self._caution = caution
        self._alive = state.machines.keys()
        self._waiting: list[str] = []
        self._moving: dict[str, tuple[str, str]] = {}

    def decide(self) -> Decision:
        state, caution = self._state, self._caution
        self._completed = state.completed()
        current = state.placements(at_rest=not caution.keep_unplaced)
        plan = self._plan(current)
        self._migrations = Migrations(state, plan, current)
        self._occupied = self._machines_with_units()
        self._reservations = Reservations(state)
        changes: list[Instruction] = []
        for unit in sorted(state.schedule.keys() | state.states.keys() | state.units.keys()):
            changes.extend(self._changes(unit, plan))
        moves = list[str]() if caution.keep_lost else obsolete_moves(state, plan)
        obsolete = [*map(move_key, moves), *self._obsolete_records()]
        return Decision(changes, self._waiting, obsolete, self._moving, len(plan.unplaced))

    def _plan(self, current: Mapping[str, str]) -> Plan:
        jobs = [
            job
            for job in self._state.jobs()
            if job.requirements.is_global or not self._is_kept(current.get(job.name))
        ]
        return self._state.planned(jobs, current)

    def _is_kept(self, machine: str | None) -> bool:
        """Whether a unit that is there now stays there, whatever the plan would say."""
        if machine is None:
            return self._caution.keep_unplaced
        return self._caution.keep_lost and machine not in self._alive

    def _machines_with_units(self) -> set[str]:
        """The machines that have units which are not Global."""
        return {
            on
            for places in (self._state.schedule, self._state.states)
            for unit, machines in places.items()
            if not self._state.is_wanted_globally(unit)
            for on in machines
            if self._completed.get(unit) != on
        }

    def _obsolete_records(self) -> Iterator[str]:
        """Of machines that were removed, once nothing is kept for them; the mark goes last."""
        state = self._state
        removed = [on for on, one in state.eligibility.items() if one.removed]
        gone = [machine for machine in removed if machine in self._caution.forgotten]
        for machine in gone:
            if not any(machine in machines for machines in state.schedule.values()):
                if machine in state.recipients:
                    yield recipient_key(machine)
                yield (metadata_key if machine in state.metadata else eligibility_key)(machine)

    def _changes(self, unit: str, plan: Plan) -> Iterator[Instruction]:
        wanted = self._state.asked(unit)
        if wanted is None or wanted.desired_state is DesiredState.INACTIVE:
            yield from self._withdraw(unit, set(), "it is to run nowhere", wanted is not None)
        elif unit not in self._state.wanted:
            return  # Its file cannot be used: whatever is assigned stays.
        elif unit in self._completed:
            yield from self._rest(unit, self._completed[unit])
        elif self._state.wanted[unit].is_global:
            yield from self._spread(unit, wanted, plan.global_placements.get(unit, frozenset()))
        elif unit in plan.placements:
            choice = plan.explanations.get(unit, Explanation("it is there already"))
            yield from self._place(unit, wanted, plan.placements[unit], choice)
        else:
            yield from self._keep_off(unit)

    def _rest(self, unit: str, machine: str) -> Iterator[Instruction]:
        """It has done its work, and stays where that was."""
        here, reason = self._state.assignments(unit)[machine], "it has done its work here"
        if not here.completed:
            note = replace(here, completed=True, reason=reason, rejections={})
            yield Instruction(machine, unit, note, reason)
        yield from self._withdraw(unit, {machine}, f"it has done its work on {machine}")

    def _spread(self, unit: str, wanted: Unit, homes: AbstractSet[str]) -> Iterator[Instruction]:
        assignments = self._state.assignments(unit)
        lost = assignments.keys() - self._alive - self._caution.forgotten
        here = assignments.keys() | self._state.reports(unit).keys()
        serving = {machine for machine in here if self._still_serves(unit, machine)} - homes
        if serving:
            self._waiting.append(unit)
        for machine in sorted(homes | lost | serving):
            there = replace(wanted, sha=self._file_on(unit, wanted, machine))
            yield from self._assign(unit, there, machine, Explanation("it runs on all that fit"))
        homes = homes | lost | serving
        yield from self._withdraw(unit, homes, "a global unit that does not fit here")

    def _file_on(self, unit: str, wanted: Unit, machine: str) -> str:
        """What a Global unit runs with on a machine: until its turn, the file that it keeps.

        etcd may have lost that file. A machine that has not got it any more, as it was booted
        anew, cannot keep it.
        """
        kept = wanted.sha_on(machine)
        is_lost = kept not in self._state.files and machine in self._alive
        return wanted.sha if is_lost and machine not in self._state.reports(unit) else kept

    def _still_serves(self, unit: str, machine: str) -> bool:
        """Whether a Global unit is on a machine that is drained and is not empty yet."""
        eligibility = self._state.eligibility.get(machine)
        is_drained = eligibility is not None and eligibility.draining
        is_busy = is_drained and machine in self._occupied
        return is_busy and self._state.assignment(unit, machine) is not None

    def _place(
        self, unit: str, wanted: Unit, home: str, choice: Explanation
    ) -> Iterator[Instruction]:
        if unit in self._migrations.postponed:
            self._waiting.append(unit)
            home = self._migrations.postponed[unit]
        if unit in self._migrations.sources:
            yield from self._hand_over(unit, wanted, home, choice)
            return
        if self._state.is_in_place(unit, wanted, home):
            return
        if self._is_orphan_elsewhere(unit, home):
            yield from self._withdraw(unit, set(), f"it belongs to {home}, once it has stopped")
            self._waiting.append(unit)
            return
        if not self._is_assigned(unit, home):
            self._moving[unit] = home, wanted.sha
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
        source = self._migrations.sources[unit]
        here = self._state.assignment(unit, source)
        if here and here.destination != home:
            reason = f"it moves to {home}, where it is started first"
            leaving = replace(here, destination=home, reason=reason)
            yield Instruction(source, unit, leaving, reason)
        yield from self._withdraw(unit, {source, home}, f"it belongs to {home}")
        if self._is_assigned(unit, home) or not self._is_elsewhere(unit, home, besides=source):
            yield from self._assign(unit, wanted, home, choice, source)

    def _keep_off(self, unit: str) -> Iterator[Instruction]:
        """It fits nowhere, or nothing is to be moved: a lost machine may come back with it."""
        lost = self._state.assignments(unit).keys() - self._alive - self._caution.forgotten
        stays = {on for on in self._state.reports(unit) if not self._is_assigned(unit, on)}
        yield from self._withdraw(unit, lost | stays, "it fits nowhere")

    def _is_assigned(self, unit: str, machine: str) -> bool:
        one = self._state.assignments(unit).get(machine)
        return one is not None and is_to_run(one)

    def _is_elsewhere(self, unit: str, home: str, besides: str = "") -> bool:
        """Whether another live machine may still run it, not counting `besides`."""
        assigned = self._state.assigned(unit).keys() & self._alive
        return bool((self._state.reports(unit).keys() | assigned) - {home, besides})

    def _is_orphan_elsewhere(self, unit: str, home: str) -> bool:
        """Whether a machine that was cut off came back with it before home has started it."""
        reports = self._state.reports(unit)
        up = {on for on, state in reports.items() if state.active in UP}
        return home not in up and any(reports[on].orphan for on in up)

    def _origin(self, unit: str, home: str) -> str:
        """Where it was before: one that is still to run there is nearer than one told to stop."""
        others = sorted(self._state.assignments(unit).keys() - {home})
        return next((on for on in others if self._is_assigned(unit, on)), min(others, default=""))

    def _assign(
        self, unit: str, wanted: Unit, machine: str, choice: Explanation, origin: str = ""
    ) -> Iterator[Instruction]:
        old = self._state.assignments(unit).get(machine)
        new = Assignment(wanted.sha, wanted.desired_state)
        if old == new:
            return
        if old and is_to_run(old):
            choice, origin = Explanation(_difference(old, new)), ""
        elif not self._reservations.reserve(machine, unit):
            self._waiting.append(unit)
            return
        explained = replace(new, reason=choice.reason, rejections=choice.rejections, origin=origin)
        yield Instruction(machine, unit, explained, f"{wanted.desired_state}: {choice.reason}")

    def _withdraw(
        self, unit: str, homes: AbstractSet[str], reason: str, known: bool = True
    ) -> Iterator[Instruction]:
        """Tell all machines but its homes to stop the unit, until they no longer report it.

        Without a record (not `known`), a unit stays where it runs without an assignment.
        """
        assignments, reports = self._state.assignments(unit), self._state.reports(unit)
        for machine in sorted((assignments.keys() | reports.keys()) - homes):
            old = assignments.get(machine)
            if old is None and not known:
                continue
            if self._is_forgotten(machine, known) or self._has_obeyed(unit, machine):
                yield Instruction(machine, unit, None, "done")
            elif old is None or is_to_run(old):
                sha, completed = (old.sha, old.completed) if old else (reports[machine].sha, False)
                stop = Assignment(sha, DesiredState.INACTIVE, reason=reason, completed=completed)
                yield Instruction(machine, unit, stop, reason)

    def _is_forgotten(self, machine: str, known: bool) -> bool:
        """Whether a machine that may be back some day need not find what it was told of a unit.

        Of a unit without a record nobody else could tell it to stop.
        """
        eligibility = self._state.eligibility.get(machine)
        is_removed = eligibility is not None and eligibility.removed
        return machine in self._caution.forgotten and (known or is_removed)

    def _has_obeyed(self, unit: str, machine: str) -> bool:
        one = self._state.assignments(unit).get(machine)
        is_to_stop = one is not None and not is_to_run(one)
        return is_to_stop and machine in self._alive and machine not in self._state.reports(unit)


def _difference(old: Assignment, new: Assignment) -> str:
    """Why a unit is told something else where it is."""
    if old.sha != new.sha:
        return "its file changed, and it stays"
    if old.desired_state is not new.desired_state:
        return "its target changed, and it stays"
    if old.completed:
        return "it runs again where it was"
    return "it no longer moves away"
