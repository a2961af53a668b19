"""Rebalancing: which units to move so that the machines have equally many, one pure function.

Greedy: from the fullest machine to the emptiest, as long as that evens them out. A machine that
has given takes nothing, so a unit that comes needs nobody to have left before: the relocations can
be taken in any order, and each is right without the others.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..model.records import Eligibility, MachineState, Move
from .colocation import Colocation
from .feasibility import allowed
from .relations import Job
from .schedule import Plan, schedule
from .state import Node, SchedulerState


@dataclass(frozen=True)
class Relocation:
    """A relocation: a unit that moves, and the followers that go with it."""

    unit: str
    move: Move
    followers: tuple[str, ...]
    reason: str
    """How many units the two machines have before and after, in words."""


@dataclass(frozen=True)
class Rebalancing:
    """Relocations, and the loads that come of them."""

    relocations: list[Relocation]
    loads: list[int]
    """How many units each machine has afterwards, the fullest first; without cordoned machines."""


def rebalance(
    jobs: Collection[Job],
    machines: Collection[MachineState],
    current: Mapping[str, str],
    eligibility: Mapping[str, Eligibility] | None = None,
    moves: Mapping[str, Move] | None = None,
    everywhere: Mapping[str, Collection[str]] | None = None,
) -> Rebalancing:
    """The relocations after which the machines have equally many units.

    A unit moves with those that follow it, and only where it breaks no requirement and drives
    nobody away, also no Global unit. Those do not count. Machines that are cordoned or drained
    take no part. Without requirements, the machines are balanced within one, by the fewest moves.

    Args:
        jobs: as for `schedule`; so are `machines`, `current` and `eligibility`.
        machines: those that are alive.
        current: unit to the id of the machine where it is.
        eligibility: the machines, by id, that are cordoned or drained.
        moves: those that are under way; these units are taken to be there.
        everywhere: Global unit to the ids of the machines where it is.
    """
    moves = moves or {}
    there = {name: move.destination for name, move in moves.items()}
    plan = schedule(jobs, machines, {**current, **there}, eligibility, everywhere=everywhere)
    state = SchedulerState(jobs, machines, plan.placements, eligibility)
    resting = {n for n, on in plan.placements.items() if current.get(n) == on} - moves.keys()
    return _Rebalancer(state, plan, resting).run()


class _Rebalancer:
    def __init__(self, state: SchedulerState, plan: Plan, resting: Collection[str]) -> None:
        """`resting`: the units that are where the plan has them, and are not moving."""
        self._state = state
        self._jobs = self._state.relations.jobs
        self._colocation = Colocation(self._state)
        self._fill(plan)
        self._open = [node for node in self._state.nodes.values() if not node.eligibility]
        self._groups = {node.id: self._groups_on(node, resting) for node in self._open}
        self._templates = self._state.relations.templates
        self._given: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        """Units, and machines that do not take them: nobody leaves those, so they never will."""

    def run(self) -> Rebalancing:
        """Move one group after the other, until none evens anything out."""
        relocations: list[Relocation] = []
        while found := self._next():
            relocations.append(self._step(*found))
        return Rebalancing(relocations, sorted((node.load for node in self._open), reverse=True))

    def _fill(self, plan: Plan) -> None:
        for name, machine in plan.placements.items():
            self._put(self._jobs[name], self._state.nodes[machine])
        for name, everywhere in plan.global_placements.items():
            for machine in everywhere:
                self._put(self._jobs[name], self._state.nodes[machine])

    def _put(self, job: Job, node: Node) -> None:
        if job.name not in node.units:
            self._state.place(job, node)

    def _groups_on(self, node: Node, resting: Collection[str]) -> list[list[Job]]:
        """The units that could leave a machine, each first among those that go with it."""
        anchors = [self._jobs[name] for name in sorted(node.units) if self._is_anchor(name)]
        groups = [[anchor, *self._colocation.of(anchor)] for anchor in anchors]
        return [group for group in groups if all(job.name in resting for job in group)]

    def _is_anchor(self, name: str) -> bool:
        is_global = self._jobs[name].requirements.is_global
        return not is_global and not self._state.relations.followed(name)

    def _next(self) -> tuple[list[Job], Node, Node] | None:
        """The group to move now, from where and to where."""
        takers = [node for node in self._open if node.id not in self._given]
        takers.sort(key=lambda node: (node.load, node.id))
        for origin in sorted(self._open, key=lambda node: (-node.load, node.id)):
            for destination in takers:
                if origin.load - destination.load < 2:
                    break  # Nor would those that have more units even anything out.
                group = self._best_group(origin, destination)
                if group:
                    return group, origin, destination
        return None

    def _best_group(self, origin: Node, destination: Node) -> list[Job] | None:
        """The one that evens the two out most; of equals, that of the most crowded template."""
        gap = origin.load - destination.load
        fitting = [group for group in self._groups[origin.id] if len(group) < gap]
        if not fitting:
            return None
        crowd = Counter(self._templates[name] for name in origin.units)
        crowd.subtract(self._templates[name] for name in destination.units)
        del crowd[""]  # Those that are no instances are of no template.

        def preference(group: list[Job]) -> tuple[int, int, int, str]:
            weight, name = len(group), group[0].name
            return -weight * (gap - weight), weight, -crowd[self._templates[name]], name

        ordered = sorted(fitting, key=preference)
        return next((group for group in ordered if self._may_come(group[0], destination)), None)

    def _may_come(self, anchor: Job, node: Node) -> bool:
        if (anchor.name, node.id) in self._refused or self._crowds_zone(anchor, node):
            return False
        if (
            not self._state.is_crowded(anchor, node)
            and allowed(self._state, anchor, node)
            and not self._state.victims(anchor, node)
            and not self._colocation.objection(anchor, node)
        ):
            return True
        self._refused.add((anchor.name, node.id))
        return False

    def _crowds_zone(self, job: Job, node: Node) -> bool:
        """Whether the instances of its template would be spread over the zones less evenly."""
        key, template = job.requirements.spread, self._templates[job.name]
        here, there = self._state.placed_on[job.name].zone(key), node.zone(key)
        in_zone = self._state.in_zone[template]
        return here != there and in_zone[there] >= in_zone[here] > 0

    def _step(self, group: list[Job], origin: Node, destination: Node) -> Relocation:
        before = f"{origin.load} and {destination.load}"
        anchor, *followers = group
        self._groups[origin.id].remove(group)
        self._given.add(origin.id)
        self._state.evict(anchor.name, origin)
        for job in group:
            self._put(job, destination)
        reason = f"{before} units become {origin.load} and {destination.load}"
        names = tuple(job.name for job in followers)
        return Relocation(anchor.name, Move(origin.id, destination.id), names, reason)
