"""The schedule: which machine runs which unit, one pure function.

fleet's leader runs it; previews and `fleetctl` explain with it; tests and simulations drive it.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from ..model.records import Eligibility, MachineState, Move
from .candidates import CandidateIndex
from .colocation import Colocation
from .explain import Explainer, Explanation
from .feasibility import allowed
from .relations import Job
from .selection import Selection
from .state import Node, SchedulerState

__all__ = ["Job", "Plan", "schedule"]


@dataclass(frozen=True)
class Plan:
    """A plan: where each unit is to be."""

    placements: dict[str, str] = field(default_factory=dict[str, str])
    """Unit to the id of its machine."""
    global_placements: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Global unit to the ids of its machines."""
    unplaced: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Unit that is on no machine, to the reason for each machine's id."""
    explanations: dict[str, Explanation] = field(
        default_factory=dict[str, Explanation], compare=False
    )
    """Why a machine was chosen for each unit that is not where it was before."""
    stuck: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Unit that stays on a machine which is drained, to the reason for each other machine's id."""


def schedule(
    jobs: Collection[Job],
    machines: Collection[MachineState],
    current: Mapping[str, str],
    eligibility: Mapping[str, Eligibility] | None = None,
    moves: Mapping[str, Move] | None = None,
    everywhere: Mapping[str, Collection[str]] | None = None,
) -> Plan:
    """The plan of where units run.

    A unit stays where it is as long as its machine is alive and fulfils its requirements. Others
    go to the machine with the fewest units among those that do, and their followers with them.
    What they reserve has to be there; a unit that is there stays, whatever is reserved by now.
    A cordoned machine gets no new units. The units of a drained one go elsewhere; those that fit
    nowhere else stay.
    The same input gives the same plan, in whatever order it comes; a plan's own placements as
    `current` give the same plan again.

    Args:
        jobs: the units whose desired state is loaded or launched.
        machines: the machines that are alive and may run units.
        current: unit to the id of the machine where it is; other units and machines may occur.
        eligibility: the machines, by id, that are cordoned or drained.
        moves: units that are to move, if that is allowed, and if it costs no unit its place.
        everywhere: Global unit to the ids of the machines where it is.
    """

    def planned(accepted: Mapping[str, Move]) -> Plan:
        state = SchedulerState(jobs, machines, current, eligibility, everywhere)
        return _Scheduler(state, accepted).run()

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
    """One run: its state is filled step by step, and only `Replaces` undoes what was done."""

    def __init__(self, state: SchedulerState, moves: Mapping[str, Move]) -> None:
        self._current = state.current
        self._moves = moves
        self._state = state
        self._relations = self._state.relations
        self._jobs = self._relations.jobs
        self._colocation = Colocation(self._state)
        self._candidates = CandidateIndex(self._state)
        self._selection = Selection(self._state, self._candidates, self._colocation)
        self._explainer = Explainer(self._state, self._candidates, self._colocation)
        self._explanations: dict[str, Explanation] = {}
        self._anchors = sorted(filter(self._is_anchor, self._jobs.values()), key=self._flexibility)
        # Those that move come after those that are there already.
        self._kept_first = sorted(self._anchors, key=lambda job: job.name in moves)

    def run(self) -> Plan:
        """Place all units."""
        self.book_moving()
        self.until_quiet(self.keep)
        self.book_global()
        self.until_quiet(self.place)
        if self.release_global():
            self.until_quiet(self.place)
        if self.stay():
            self.until_quiet(self.place)
        self.place_global()
        while self.release_global():  # Those that conflict with Global units.
            self.until_quiet(self.place)
            self.place_global()
        return self.plan()

    def until_quiet(self, step: Callable[[], None]) -> None:
        """Repeat a step as long as units that it places drive others away."""
        before = -1
        while before != len(self._state.vacated):
            before = len(self._state.vacated)
            self._selection.begin()
            step()

    def keep(self) -> None:
        """Leave the units where they are, if they may stay."""
        for anchor in self._kept_first:
            self._place_with_followers(anchor, self._node_to_keep_on)

    def place(self) -> None:
        """Place the rest; new followers of placed units come first, they have no choice."""
        placed = [anchor for anchor in self._anchors if anchor.name in self._state.placed_on]
        for anchor in (*placed, *self._anchors):
            self._place_with_followers(anchor, self._selection.best)

    def stay(self) -> bool:
        """Leave on drained machines what fits nowhere else. Whether there was any."""
        nodes = self._state.nodes.values()
        if not any(node.is_draining and not node.is_forced for node in nodes):
            return False
        before = len(self._state.placed_on)
        for anchor in self._anchors:
            self._place_with_followers(anchor, self._node_to_stay_on)
        return len(self._state.placed_on) > before

    def book_moving(self) -> None:
        """Units that move have their part of both machines until they are up, or have to stay.

        So have those that follow them.
        """
        for name in self._moves.keys() & self._jobs.keys():
            if node := self._selection.home(self._jobs[name]):
                for job in (self._jobs[name], *self._colocation.of(self._jobs[name])):
                    self._state.book(job, node)

    def book_global(self) -> None:
        """Reserve what Global units want, before units come that have a choice."""
        for job in self._globals():
            for node in self._candidates.of(job).nodes if job.requirements.resources else ():
                if allowed(self._state, job, node):
                    self._state.book(job, node)

    def release_global(self) -> bool:
        """Reserve no longer what Global units want where others keep them off. Whether any was."""
        jobs, released = self._jobs, False
        for node in self._state.nodes.values():
            for name in sorted(node.booked - node.units):
                if jobs[name].requirements.is_global and not allowed(self._state, jobs[name], node):
                    self._state.release(jobs[name], node)
                    released = True
        return released

    def place_global(self) -> None:
        """Put Global units wherever they may be. In a conflict, units that are not Global win."""
        for job in self._globals():
            for node in self._candidates.of(job).nodes:
                if job.name not in node.units and allowed(self._state, job, node):
                    self._state.place(job, node)

    def plan(self) -> Plan:
        """The plan that the state has become."""
        state = self._state
        at = state.placed_on
        placements = {name: at[name].id for name in self._jobs if name in at}
        spread = {
            job.name: frozenset(node.id for node in state.nodes.values() if job.name in node.units)
            for job in self._globals()
        }
        placed = {*placements, *(name for name, machines in spread.items() if machines)}
        missing = [name for name in self._jobs if name not in placed]
        unplaced, stuck = self._explainer.unplaced(missing), self._explainer.stuck()
        return Plan(placements, spread, unplaced, self._explanations, stuck)

    def _globals(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.requirements.is_global]

    def _is_anchor(self, job: Job) -> bool:
        """Whether a machine is to be chosen for it: it is not Global and follows no other unit."""
        return not job.requirements.is_global and not self._relations.followed(job.name)

    def _flexibility(self, job: Job) -> tuple[int | str, ...]:
        """The order of anchors: the least choice, the most followers, the most that they want."""
        followers, wanted = self._relations.followers[job.name], job.requirements.resources
        size = (-wanted.memory, -wanted.share, -wanted.cpu)
        return len(self._candidates.of(job).nodes), -len(followers), *size, job.name

    def _place_with_followers(self, anchor: Job, find: Callable[[Job], Node | None]) -> None:
        """Place an anchor, unless it is placed, then its followers, then theirs.

        Those that were where it was come before new ones, which could keep them off.
        """
        pending, along = deque([anchor]), {job.name for job in self._colocation.of(anchor)}
        done: set[str] = set()
        while pending:
            job = pending.popleft()
            if job.name not in self._state.placed_on and (node := find(job)):
                if self._current.get(job.name) != node.id:
                    self._explanations[job.name] = self._explainer.placement(job, node)
                self._state.place(job, node)
            if job.name in self._state.placed_on and job.name not in done:
                done.add(job.name)
                for name in self._relations.followers[job.name]:
                    (pending.appendleft if name in along else pending.append)(self._jobs[name])

    def _node_to_keep_on(self, job: Job) -> Node | None:
        move = self._moves.get(job.name)
        if move and move.origin == self._current.get(job.name):
            node = self._state.nodes.get(move.destination)
            if node and not node.eligibility and self._selection.takes_in(job, node):
                return node
        # Those that go with one that moves come at once, before others that move there too.
        peers = self._relations.followed(job.name)
        if peers and peers[0] in self._moves:
            return self._beside(peers[0], job)
        node = self._selection.home(job)
        return node if node and allowed(self._state, job, node) else None

    def _beside(self, peer: str, job: Job) -> Node | None:
        node = self._state.placed_on.get(peer)
        return node if node and allowed(self._state, job, node) else None

    def _node_to_stay_on(self, job: Job) -> Node | None:
        node = self._selection.home(job)
        if not node or node.is_forced:
            return None
        return node if allowed(self._state, job, node, staying=True) else None
