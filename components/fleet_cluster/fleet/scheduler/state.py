"""The board that a schedule fills: machines, and the units placed on them so far."""

from collections import Counter
from collections.abc import Collection, Mapping

from ..model.records import Eligibility, MachineState
from .relations import Job, Relations


class Node:
    """A machine, and the units that are placed on it."""

    def __init__(self, machine: MachineState, mark: Eligibility | None) -> None:
        self.id = machine.id
        self.machine = machine
        self.mark = mark
        self.units: set[str] = set()
        self.load = 0
        """The number of its units; Global ones, being everywhere, do not count."""
        self.present: Counter[str] = Counter()
        """How many of its units match each pattern."""
        self.conflicts: Counter[str] = Counter()
        """How many of its units keep clear of what matches each pattern."""


class SchedulerState:
    """Who is placed where. It counts patterns, so that most questions need no search."""

    def __init__(
        self,
        jobs: Collection[Job],
        machines: Collection[MachineState],
        current: Mapping[str, str],
        marks: Mapping[str, Eligibility],
    ) -> None:
        self.relations = Relations(jobs)
        self.current = current
        """Where each unit was before this schedule."""
        self.staying = False
        """Whether units may stay on machines that are drained."""
        ordered = sorted(machines, key=lambda machine: machine.id)
        self.sites = {one.id: Node(one, marks.get(one.id)) for one in ordered}
        self.at: dict[str, Node] = {}
        """Where each unit is; Global units are only on their sites."""
        self.left: list[Node] = []
        """The sites that units had to leave, in the order of events."""

    def put(self, job: Job, site: Node) -> None:
        """Place a unit that the rules allow here; those that it replaces leave."""
        for victim in self.victims(job, site):
            self.evict(victim, site)
        self._bring(job, site)
        for peer in job.requirements.machine_of:
            if peer not in site.units:
                self._bring(self.relations.jobs[peer], site)

    def evict(self, name: str, site: Node) -> None:
        """Take a unit away, and its followers with it."""
        pending = [name]
        while pending:
            leaving = pending.pop()
            if leaving in site.units:
                site.units.remove(leaving)
                self.at.pop(leaving, None)
                self._count(self.relations.jobs[leaving], site, -1)
                pending.extend(self.relations.followers[leaving])
        self.left.append(site)

    def victims(self, job: Job, site: Node) -> list[str]:
        """The units here that have to leave when `job` comes."""
        return sorted(site.units & self.relations.replaced(job.name))

    def replacement(self, job: Job, site: Node) -> str | None:
        """A unit here because of which `job` has to leave."""
        return min(self.relations.replacing(job.name, site.units), default=None)

    def has_opponent(self, job: Job, site: Node) -> bool:
        """Whether `job` conflicts with a unit here: one of the two says so."""
        matching = self.relations.patterns[job.name]
        return any(site.conflicts[pattern] for pattern in matching) or any(
            site.present[pattern] for pattern in job.requirements.conflicts
        )

    def opponent(self, job: Job, site: Node) -> str | None:
        """A unit here with which `job` conflicts."""
        conflict = self.relations.conflict
        return min((o for o in site.units if conflict(job.name, o)), default=None)

    def _bring(self, job: Job, site: Node) -> None:
        site.units.add(job.name)
        if not job.requirements.is_global:
            self.at[job.name] = site
        self._count(job, site, 1)

    def _count(self, job: Job, site: Node, change: int) -> None:
        site.load += 0 if job.requirements.is_global else change
        for pattern in self.relations.patterns[job.name]:
            site.present[pattern] += change
        for pattern in job.requirements.conflicts:
            site.conflicts[pattern] += change
