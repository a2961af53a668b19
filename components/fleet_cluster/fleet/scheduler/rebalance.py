"""Which units to move so that the machines have equally many: one pure function.

Greedy: from the fullest machine to the emptiest, as long as that evens them out. A machine that
has given takes nothing, so a unit that comes needs nobody to have left before: the steps can be
taken in any order, and each is right without the others.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..model.records import Eligibility, MachineState, Move
from ..unitfiles.names import template_of
from .colocation import Colocation
from .feasibility import allowed
from .relations import Job
from .schedule import Plan, schedule
from .state import Node, SchedulerState


@dataclass(frozen=True)
class Relocation:
    """A unit that moves, and those that go with it."""

    unit: str
    move: Move
    followers: tuple[str, ...]
    because: str
    """How many units the two machines have before and after, in words."""


@dataclass(frozen=True)
class Rebalancing:
    """What to move, and what comes of it."""

    steps: list[Relocation]
    loads: list[int]
    """How many units each machine has afterwards, the fullest first; without marked machines."""


def rebalance(
    jobs: Collection[Job],
    machines: Collection[MachineState],
    current: Mapping[str, str],
    marks: Mapping[str, Eligibility] | None = None,
    moves: Mapping[str, Move] | None = None,
) -> Rebalancing:
    """Decide what to move so that the machines have equally many units.

    A unit moves with those that follow it, and only where it breaks no requirement and drives
    nobody away, also no Global unit. Those do not count. Machines that are cordoned or drained
    take no part. Without requirements, the machines are balanced within one, by the fewest moves.

    Args:
        jobs: as for `schedule`; so are `machines`, `current` and `marks`.
        machines: those that are alive.
        current: unit to the id of the machine where it is.
        marks: the machines, by id, that are cordoned or drained.
        moves: those that are under way; these units are taken to be there.
    """
    return _Rebalancer(jobs, machines, current, marks or {}, moves or {}).run()


class _Rebalancer:
    def __init__(
        self,
        jobs: Collection[Job],
        machines: Collection[MachineState],
        current: Mapping[str, str],
        marks: Mapping[str, Eligibility],
        moves: Mapping[str, Move],
    ) -> None:
        there = {name: move.destination for name, move in moves.items()}
        plan = schedule(jobs, machines, {**current, **there}, marks)
        self._board = SchedulerState(jobs, machines, plan.placements, marks)
        self._jobs = self._board.relations.jobs
        self._company = Colocation(self._board)
        self._fill(plan)
        self._open = [site for site in self._board.sites.values() if not site.mark]
        resting = {n for n, on in plan.placements.items() if current.get(n) == on} - moves.keys()
        self._groups = {site.id: self._groups_on(site, resting) for site in self._open}
        self._templates = {name: template_of(name) or name for name in self._jobs}
        self._given: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        """Units, and machines that do not take them: nobody leaves those, so they never will."""

    def run(self) -> Rebalancing:
        """Move one group after the other, until none evens anything out."""
        steps: list[Relocation] = []
        while found := self._next():
            steps.append(self._step(*found))
        return Rebalancing(steps, sorted((site.load for site in self._open), reverse=True))

    def _fill(self, plan: Plan) -> None:
        for name, machine in plan.placements.items():
            self._put(self._jobs[name], self._board.sites[machine])
        for name, everywhere in plan.global_placements.items():
            for machine in everywhere:
                self._put(self._jobs[name], self._board.sites[machine])

    def _put(self, job: Job, site: Node) -> None:
        if job.name not in site.units:
            self._board.put(job, site)

    def _groups_on(self, site: Node, resting: Collection[str]) -> list[list[Job]]:
        """The units that could leave a machine, each first among those that go with it."""
        leaders = [self._jobs[name] for name in sorted(site.units) if self._leads(name)]
        groups = [[leader, *self._company.of(leader)] for leader in leaders]
        return [group for group in groups if all(job.name in resting for job in group)]

    def _leads(self, name: str) -> bool:
        is_global = self._jobs[name].requirements.is_global
        return not is_global and not self._board.relations.followed(name)

    def _next(self) -> tuple[list[Job], Node, Node] | None:
        """The group to move now, from where and to where."""
        takers = [site for site in self._open if site.id not in self._given]
        takers.sort(key=lambda site: (site.load, site.id))
        for source in sorted(self._open, key=lambda site: (-site.load, site.id)):
            for target in takers:
                if source.load - target.load < 2:
                    break  # Nor would those that have more units even anything out.
                group = self._best_group(source, target)
                if group:
                    return group, source, target
        return None

    def _best_group(self, source: Node, target: Node) -> list[Job] | None:
        """The one that evens the two out most; of equals, that of the most crowded template."""
        gap = source.load - target.load
        fitting = [group for group in self._groups[source.id] if len(group) < gap]
        if not fitting:
            return None
        crowd = Counter(self._templates[name] for name in source.units)
        crowd.subtract(self._templates[name] for name in target.units)

        def preference(group: list[Job]) -> tuple[int, int, int, str]:
            weight, name = len(group), group[0].name
            return -weight * (gap - weight), weight, -crowd[self._templates[name]], name

        ordered = sorted(fitting, key=preference)
        return next((group for group in ordered if self._may_come(group[0], target)), None)

    def _may_come(self, leader: Job, site: Node) -> bool:
        if (leader.name, site.id) in self._refused:
            return False
        if (
            allowed(self._board, leader, site)
            and not self._board.victims(leader, site)
            and not self._company.objection(leader, site)
        ):
            return True
        self._refused.add((leader.name, site.id))
        return False

    def _step(self, group: list[Job], source: Node, target: Node) -> Relocation:
        before = f"{source.load} and {target.load}"
        leader, *followers = group
        self._groups[source.id].remove(group)
        self._given.add(source.id)
        self._board.evict(leader.name, source)
        for job in group:
            self._put(job, target)
        because = f"{before} units become {source.load} and {target.load}"
        names = tuple(job.name for job in followers)
        return Relocation(leader.name, Move(source.id, target.id), names, because)
