"""The units that a unit takes along when it moves: those that follow it, and theirs."""

from collections.abc import Iterator

from .feasibility import CONFLICTS, LASTING_RULES, REPLACED, goes_with, objection
from .relations import Job
from .state import Node, SchedulerState

_RULES = (*LASTING_RULES, CONFLICTS, REPLACED)


class Colocation:
    """Asks whether those that come along may be where a unit wants to go."""

    def __init__(self, board: SchedulerState) -> None:
        self._board = board

    def of(self, leader: Job) -> list[Job]:
        """The units that follow this one and are where it is."""
        return list(self._found(leader, self._board.current.get(leader.name)))

    def objection(self, leader: Job, site: Node) -> str:
        """Why one of them could not be on this machine, or empty."""
        company = self.of(leader)
        names = {leader.name, *(job.name for job in company)}
        for job in company:
            against = objection(self._board, job, site, _RULES) or self._missing(job, names, site)
            if against:
                return f"{job.name}, which follows it: {against}"
        return ""

    def _found(self, leader: Job, home: str | None) -> Iterator[Job]:
        pending, seen = [leader.name], {leader.name}
        while pending:
            for name in self._board.relations.followers[pending.pop()]:
                if name not in seen and self._board.current.get(name) == home:
                    seen.add(name)
                    pending.append(name)
                    yield self._board.relations.jobs[name]

    def _missing(self, job: Job, company: set[str], site: Node) -> str:
        """What another unit that it follows, or that it replaces, has against it."""
        for peer in job.requirements.machine_of:
            if peer not in company and not goes_with(self._board, job, peer, site):
                return f"must be with {peer}, which is not there"
        driven = site.units & self._board.relations.replaced(job.name)
        return f"would drive {min(driven)} away" if driven else ""
