"""Colocation: the units that an anchor takes along when it moves, its followers and theirs."""

from collections.abc import Iterable, Iterator

from ..unitfiles.resources import Resources
from .feasibility import CONFLICTS, LASTING_RULES, MAXIMUM, REPLACED, goes_with, objection
from .relations import Job
from .room import shortage
from .state import Node, SchedulerState

_RULES = (*LASTING_RULES, CONFLICTS, REPLACED, MAXIMUM)


class Colocation:
    """The followers of anchors, and whether they may be where their anchor is to go."""

    def __init__(self, state: SchedulerState) -> None:
        self._state = state

    def of(self, anchor: Job) -> list[Job]:
        """The followers of a unit that are where it is."""
        return list(self._found(anchor, self._state.current.get(anchor.name)))

    def objection(self, anchor: Job, node: Node) -> str:
        """Why one of its followers could not be on this node; empty when all could."""
        colocated = self.of(anchor)
        names = {anchor.name, *(job.name for job in colocated)}
        for job in colocated:
            reason = objection(self._state, job, node, _RULES) or self._missing(job, names, node)
            if reason:
                return f"{job.name}, which follows it: {reason}"
        wanted = self._state.newly_wanted([anchor, *colocated], node)
        if colocated and (reason := shortage(node.machine, node.reserved, wanted)):
            return f"with what follows it, {reason}"
        return ""

    def resources(self, anchor: Job, followers: Iterable[Job]) -> Resources:
        """What all of them want."""
        return sum((job.requirements.resources for job in (anchor, *followers)), Resources())

    def to_come(self, anchor: Job) -> Resources:
        """What a unit wants that is to be placed, and all that follow it then."""
        relations, pending, seen = self._state.relations, [anchor.name], {anchor.name}
        while pending:
            new = set(relations.followers[pending.pop()]) - seen
            seen |= new
            pending += new
        return self.resources(anchor, (relations.jobs[name] for name in seen - {anchor.name}))

    def _found(self, anchor: Job, home: str | None) -> Iterator[Job]:
        pending, seen = [anchor.name], {anchor.name}
        while pending:
            for name in self._state.relations.followers[pending.pop()]:
                if name not in seen and self._state.current.get(name) == home:
                    seen.add(name)
                    pending.append(name)
                    yield self._state.relations.jobs[name]

    def _missing(self, job: Job, colocated: set[str], node: Node) -> str:
        """The reason why another unit, that it follows or replaces, keeps it off this node."""
        for peer in job.requirements.machine_of:
            if peer not in colocated and not goes_with(self._state, job, peer, node):
                return f"must be with {peer}, which is not there"
        driven = node.units & self._state.relations.replaced(job.name)
        return f"would drive {min(driven)} away" if driven else ""
