"""Explanations: why a unit is placed on one machine and not on another, in plain words."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .candidates import CandidateIndex
from .colocation import Colocation
from .feasibility import objection
from .relations import Job
from .state import Node, SchedulerState

COMPARED = 8
"""In clusters of up to so many machines an explanation tells of each: they fit on the screen."""


@dataclass(frozen=True)
class Explanation:
    """Why a unit goes to its machine."""

    reason: str
    rejections: Mapping[str, str] = field(default_factory=dict[str, str])
    """Why not to each of the other machines, by id; empty in clusters of many machines."""


class LazyReasons(Mapping[str, Mapping[str, str]]):
    """Unit to the reason for each machine's id, looked for when somebody asks for it.

    There may be one for each unit and machine: millions in a large cluster, and its leader, who
    plans again at each change, reads none.
    """

    def __init__(self, units: Iterable[str], find: Callable[[str], Mapping[str, str]]) -> None:
        """`find`: the reasons for one of these units; the same one gets the same, at any time."""
        self._units = dict.fromkeys(units)
        self._find = find

    def __getitem__(self, unit: str) -> Mapping[str, str]:
        if unit not in self._units:
            raise KeyError(unit)
        return self._find(unit)

    def __iter__(self) -> Iterator[str]:
        return iter(self._units)

    def __len__(self) -> int:
        return len(self._units)

    def __contains__(self, unit: object) -> bool:
        return unit in self._units

    def __repr__(self) -> str:
        return repr(dict(self))


class Explainer:
    """Explanations of a placement, as the scheduler's state is when they are asked for."""

    def __init__(
        self, state: SchedulerState, candidates: CandidateIndex, colocation: Colocation
    ) -> None:
        self._state = state
        self._candidates = candidates
        self._colocation = colocation
        self._known: dict[Hashable, dict[str, str]] = {}

    def placement(self, job: Job, node: Node) -> Explanation:
        """Why `job` goes to `node`; to be asked just before it is put there."""
        replaced = self._state.victims(job, node)
        if job.requirements.machine_of:
            reason = f"it follows {', '.join(job.requirements.machine_of)}"
        elif replaced:
            reason = f"it takes the place of {', '.join(replaced)}"
        else:
            reason = self._advantage(job, node)
        if len(self._state.nodes) > COMPARED:
            return Explanation(reason)
        others = [one for one in self._state.nodes.values() if one is not node]
        return Explanation(reason, {one.id: self._rejection(job, one) for one in others})

    def unplaced(self, units: Iterable[str]) -> LazyReasons:
        """The reasons why units can be on no machine."""
        return LazyReasons(units, self._reasons)

    def stuck(self) -> LazyReasons:
        """The reasons why units that stay on drained machines can go to none of the others."""
        jobs = self._state.relations.jobs
        homes = {
            name: node
            for node in self._state.nodes.values()
            if node.is_draining
            for name in sorted(node.units)
            if not jobs[name].requirements.is_global
        }
        return LazyReasons(homes, lambda name: self._objections(jobs[name], homes[name]))

    def _advantage(self, job: Job, node: Node) -> str:
        like = self._like(job, node)
        if not like:
            return f"it has the fewest units of those that fit: {node.load}"
        return f"of those that fit, it has the fewest {like}, then units: {node.load}"

    def _rejection(self, job: Job, node: Node) -> str:
        units = f"{node.load} unit{'' if node.load == 1 else 's'}"
        if self._state.is_crowded(job, node):
            units += ", one of which it had better not be with"
        like = self._like(job, node)
        return objection(self._state, job, node) or f"it fits, with {units}{like and f'; {like}'}"

    def _like(self, job: Job, node: Node) -> str:
        """How many instances of its template are in the node's zone, and there; if any are."""
        template, key = self._state.relations.templates[job.name], job.requirements.spread
        zone, in_zone = node.zone(key), self._state.in_zone[template]
        if not in_zone.total():
            return ""
        there = f"in {key}={zone}: {in_zone[zone]}, " if zone else ""
        return f"of {template} {there}on it: {self._state.instances[template][node.id]}"

    def _reasons(self, name: str) -> dict[str, str]:
        """Why each machine cannot have a unit: the same object for all units of its kind."""
        relations = self._state.relations
        kind = relations.kind(name)
        if kind not in self._known:
            job = relations.jobs[name]
            refusals = self._candidates.of(job).refusals
            self._known[kind] = {
                machine: refusals.get(machine) or objection(self._state, job, node)
                for machine, node in self._state.nodes.items()
            }
        return self._known[kind]

    def _objections(self, job: Job, home: Node) -> dict[str, str]:
        """Why each machine but its own cannot have a unit and its followers."""
        others = [node for node in self._state.nodes.values() if node is not home]
        return {
            node.id: objection(self._state, job, node) or self._colocation.objection(job, node)
            for node in others
        }
