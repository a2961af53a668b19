"""Which machine runs which unit: one pure function.

fleet's leader runs it; previews and `fleetctl` explain with it; tests and simulations drive it.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field

from ..model.records import Eligibility, MachineState, Move
from .candidates import CandidateIndex
from .colocation import Colocation
from .explain import Explanation, choice
from .feasibility import allowed, objection
from .reasons import Reasons
from .relations import Job
from .state import Node, SchedulerState

__all__ = ["Job", "Plan", "schedule"]


@dataclass(frozen=True)
class Plan:
    """Where each unit is to be."""

    placements: dict[str, str] = field(default_factory=dict[str, str])
    """Unit to the id of its machine."""
    global_placements: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Global unit to the ids of its machines."""
    unplaced: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Unit that is on no machine, to the reason for each machine's id."""
    choices: dict[str, Explanation] = field(default_factory=dict[str, Explanation], compare=False)
    """Why a machine was chosen for each unit that is not where it was before."""
    stuck: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Unit that stays on a machine which is drained, to the reason for each other machine's id."""


def schedule(
    jobs: Collection[Job],
    machines: Collection[MachineState],
    current: Mapping[str, str],
    marks: Mapping[str, Eligibility] | None = None,
    moves: Mapping[str, Move] | None = None,
) -> Plan:
    """Decide where the units run.

    A unit stays where it is as long as its machine is alive and fulfils its requirements. Others
    go to the machine with the fewest units among those that do, and their followers with them.
    A cordoned machine gets no new units. The units of a drained one go elsewhere; those that fit
    nowhere else stay.
    The same input gives the same plan, in whatever order it comes; a plan's own placements as
    `current` give the same plan again.

    Args:
        jobs: the units whose target is loaded or launched.
        machines: the machines that are alive and may run units.
        current: unit to the id of the machine where it is; other units and machines may occur.
        marks: the machines, by id, that are cordoned or drained.
        moves: units that are to move, if that is allowed, and if it costs no unit its place.
    """

    def planned(accepted: Mapping[str, Move]) -> Plan:
        return _Scheduler(jobs, machines, current, marks or {}, accepted).run()

    plan = planned(moves or {})
    if not moves or not plan.unplaced:
        return plan
    return _without_victims(planned, plan, moves)


def _without_victims(
    planned: Callable[[Mapping[str, Move]], Plan], plan: Plan, moves: Mapping[str, Move]
) -> Plan:
    """The plan in which units have a place if they have one without any moves.

    That may be the given one, with all moves. Who asked for them saw to it; but units that have
    come or changed since may have no place where they take them. Then some are left out.
    """
    best = planned({})
    needed = best.placements.keys()
    accepted: dict[str, Move] = {}
    pending = [sorted(moves)]
    while pending:
        group = pending.pop()
        tried = accepted | {name: moves[name] for name in group}
        found = plan if len(tried) == len(moves) else planned(tried)
        if needed <= found.placements.keys():
            best, accepted = found, tried
        elif len(group) > 1:  # Those are found fast that are few among many.
            half = len(group) // 2
            pending += [group[half:], group[:half]]
    return best


class _Scheduler:
    """One run: a board, filled step by step. Steps never undo each other, except by `Replaces`."""

    def __init__(
        self,
        jobs: Collection[Job],
        machines: Collection[MachineState],
        current: Mapping[str, str],
        marks: Mapping[str, Eligibility],
        moves: Mapping[str, Move],
    ) -> None:
        self._current = current
        self._moves = moves
        self._board = SchedulerState(jobs, machines, current, marks)
        self._relations = self._board.relations
        self._jobs = self._relations.jobs
        self._company = Colocation(self._board)
        self._candidates = CandidateIndex(self._board)
        self._hopeless: set[Hashable] = set()
        self._explained: dict[Hashable, dict[str, str]] = {}
        self._choices: dict[str, Explanation] = {}
        self._leaders = sorted(filter(self._leads, self._jobs.values()), key=self._flexibility)
        # Those that move come after those that are there already.
        self._kept_first = sorted(self._leaders, key=lambda job: job.name in moves)

    def run(self) -> Plan:
        """Place all units."""
        self.until_quiet(self.keep)
        self.until_quiet(self.place)
        if self.stay():
            self.until_quiet(self.place)
        self.place_global()
        return self.plan()

    def until_quiet(self, step: Callable[[], None]) -> None:
        """Repeat a step as long as units that it places drive others away."""
        before = -1
        while before != len(self._board.left):
            before = len(self._board.left)
            self._hopeless.clear()
            step()

    def keep(self) -> None:
        """Leave the units where they are, if they may stay."""
        for leader in self._kept_first:
            self._lead(leader, self._where_it_is_to_be)

    def place(self) -> None:
        """Place the rest; new followers of placed units come first, they have no choice."""
        placed = [leader for leader in self._leaders if leader.name in self._board.at]
        for leader in (*placed, *self._leaders):
            self._lead(leader, self._best_site)

    def stay(self) -> bool:
        """Leave on drained machines what fits nowhere else. Whether there was any."""
        sites = self._board.sites.values()
        if not any(site.mark and site.mark.draining and not site.mark.force for site in sites):
            return False
        before = len(self._board.at)
        self._board.staying = True
        for leader in self._leaders:
            self._lead(leader, self._where_it_may_stay)
        self._board.staying = False
        return len(self._board.at) > before

    def place_global(self) -> None:
        """Put Global units wherever they may be. In a conflict, units that are not Global win."""
        for job in self._globals():
            for site in self._candidates.of(job).sites:
                if job.name not in site.units and allowed(self._board, job, site):
                    self._board.put(job, site)

    def plan(self) -> Plan:
        """What has become of each unit."""
        board = self._board
        placements = {name: board.at[name].id for name in self._jobs if name in board.at}
        spread = {
            job.name: frozenset(site.id for site in board.sites.values() if job.name in site.units)
            for job in self._globals()
        }
        placed = {*placements, *(name for name, machines in spread.items() if machines)}
        missing = [name for name in self._jobs if name not in placed]
        unplaced = Reasons(missing, self._reasons)
        return Plan(placements, spread, unplaced, self._choices, self._stuck())

    def _globals(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.requirements.is_global]

    def _leads(self, job: Job) -> bool:
        """Whether a machine is to be chosen for it: it is not Global and follows no other unit."""
        return not job.requirements.is_global and not self._relations.followed(job.name)

    def _flexibility(self, job: Job) -> tuple[int, int, str]:
        """Those with the least choice are served first, then those with the most followers."""
        followers = self._relations.followers[job.name]
        return len(self._candidates.of(job).sites), -len(followers), job.name

    def _lead(self, leader: Job, find: Callable[[Job], Node | None]) -> None:
        """Place a unit, unless it is placed, then its followers, then theirs."""
        pending = deque([leader])
        done: set[str] = set()
        while pending:
            job = pending.popleft()
            if job.name not in self._board.at and (site := find(job)):
                if self._current.get(job.name) != site.id:
                    self._choices[job.name] = choice(self._board, job, site)
                self._board.put(job, site)
            if job.name in self._board.at and job.name not in done:
                done.add(job.name)
                pending.extend(self._jobs[name] for name in self._relations.followers[job.name])

    def _where_it_is(self, job: Job) -> Node | None:
        site = self._board.sites.get(self._current.get(job.name, ""))
        return site if site and self._allows(job, site) else None

    def _where_it_is_to_be(self, job: Job) -> Node | None:
        move = self._moves.get(job.name)
        if move and move.origin == self._current.get(job.name):
            site = self._board.sites.get(move.destination)
            if site and not site.mark and self._takes_in(job, site):
                return site
        # Those that go with one that moves come at once, before others that move there too.
        peers = self._relations.followed(job.name)
        if peers and peers[0] in self._moves:
            return self._beside(peers[0], job)
        return self._where_it_is(job)

    def _beside(self, peer: str, job: Job) -> Node | None:
        site = self._board.at.get(peer)
        return site if site and self._allows(job, site) else None

    def _where_it_may_stay(self, job: Job) -> Node | None:
        site = self._where_it_is(job)
        return site if site and not (site.mark and site.mark.force) else None

    def _takes_in(self, job: Job, site: Node) -> bool:
        return self._allows(job, site) and not self._company.objection(job, site)

    def _best_site(self, job: Job) -> Node | None:
        peers = self._relations.followed(job.name)
        if peers:
            return self._beside(peers[0], job)
        if self._may_stay(job):
            return self._least_loaded(job, self._relations.replaced(job.name), self._takes_in)
        if self._hopeless and self._relations.kind(job.name) in self._hopeless:
            return None
        site = self._site_of_replaced(job) or self._least_loaded(job)
        if not site:
            self._hopeless.add(self._relations.kind(job.name))
        return site

    def _site_of_replaced(self, job: Job) -> Node | None:
        """A new unit takes the machine of one that it replaces; one that moves, another."""
        replaced = self._relations.replaced(job.name)
        if not replaced:
            return None
        if job.name in self._current:
            return self._least_loaded(job, avoiding=replaced)
        sites = {self._board.at[name] for name in replaced if name in self._board.at}
        fitting = [site for site in sites if self._allows(job, site)]
        return min(fitting, key=lambda site: (site.load, site.id), default=None)

    def _least_loaded(
        self,
        job: Job,
        avoiding: frozenset[str] = frozenset(),
        accepts: Callable[[Job, Node], bool] | None = None,
    ) -> Node | None:
        accepted = accepts or self._allows
        return self._candidates.of(job).least_loaded(
            lambda site: accepted(job, site) and avoiding.isdisjoint(site.units)
        )

    def _may_stay(self, job: Job) -> bool:
        """Whether its machine is drained, and nothing else speaks against that it stays there."""
        site = self._board.sites.get(self._current.get(job.name, ""))
        if not (site and site.mark and site.mark.draining) or site.mark.force:
            return False
        self._board.staying = True
        may = self._allows(job, site)
        self._board.staying = False
        return may

    def _allows(self, job: Job, site: Node) -> bool:
        return allowed(self._board, job, site)

    def _reasons(self, name: str) -> dict[str, str]:
        """Why each machine cannot have it: the same object for all units of its kind."""
        kind = self._relations.kind(name)
        if kind not in self._explained:
            job = self._jobs[name]
            refusals = self._candidates.of(job).refusals
            self._explained[kind] = {
                machine: refusals.get(machine) or objection(self._board, job, site)
                for machine, site in self._board.sites.items()
            }
        return self._explained[kind]

    def _stuck(self) -> Reasons:
        """Why units that stay on drained machines can go to none of the others."""
        homes = {
            name: site
            for site in self._board.sites.values()
            if site.mark and site.mark.draining
            for name in sorted(site.units)
            if not self._jobs[name].requirements.is_global
        }
        return Reasons(homes, lambda name: self._against_others(self._jobs[name], homes[name]))

    def _against_others(self, job: Job, home: Node) -> dict[str, str]:
        others = [site for site in self._board.sites.values() if site is not home]
        return {
            site.id: objection(self._board, job, site) or self._company.objection(job, site)
            for site in others
        }
