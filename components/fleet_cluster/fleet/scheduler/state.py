"""The scheduler's state: nodes, and the units placed on them so far."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from ..model.records import Eligibility, MachineState
from ..unitfiles.resources import Resources
from .relations import Job, Relations
from .room import has_room


class Node:
    """A node: a machine, and the units that are placed on it."""

    def __init__(self, machine: MachineState, eligibility: Eligibility | None) -> None:
        self.id = machine.id
        self.machine = machine
        self.eligibility = eligibility or (Eligibility() if machine.trouble else None)
        """None: it gets all units. A machine where something does not work counts as cordoned."""
        self.units: set[str] = set()
        self.load = 0
        """The number of its units; Global ones, being everywhere, do not count."""
        self.present: Counter[str] = Counter()
        """How many of its units match each pattern."""
        self.conflicts: Counter[str] = Counter()
        """How many of its units keep clear of what matches each pattern."""
        self.soft_conflicts: Counter[str] = Counter()
        """How many of them do so where they can."""
        self.reserved = Resources()
        """What is reserved for its units, and for the booked ones."""
        self.booked: set[str] = set()
        """Units that have their part, whether they are placed here or not: those that move, and
        Global ones."""

    def zone(self, key: str) -> str:
        """The zone that it is in: its metadata of this key, or none."""
        return self.machine.metadata.get(key, "")

    @property
    def is_draining(self) -> bool:
        """Whether the node's units are to move elsewhere."""
        return self.eligibility is not None and self.eligibility.draining

    @property
    def is_forced(self) -> bool:
        """Whether also those of the node's units leave that fit nowhere else."""
        return self.eligibility is not None and self.eligibility.force

    def has_room(self, wanted: Resources, freed: Resources | None = None) -> bool:
        """Whether that much is not reserved yet, or is when something else is freed."""
        taken = self.reserved - freed if freed else self.reserved
        return has_room(self.machine, taken, wanted)


class SchedulerState:
    """The placement so far. It counts patterns, so that most questions need no search."""

    def __init__(
        self,
        jobs: Collection[Job],
        machines: Collection[MachineState],
        current: Mapping[str, str],
        eligibility: Mapping[str, Eligibility] | None = None,
        everywhere: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.relations = Relations(jobs)
        self.current = current
        """Where each unit was before this schedule."""
        self._everywhere = everywhere or {}
        ordered = sorted(machines, key=lambda machine: machine.id)
        marks = eligibility or {}
        self.nodes = {one.id: Node(one, marks.get(one.id)) for one in ordered}
        """By the machine's id, and in that order."""
        self.placed_on: dict[str, Node] = {}
        """Where each unit is; Global units are only on their nodes."""
        self.instances: dict[str, Counter[str]] = defaultdict(Counter)
        """How many instances of each template are on each node."""
        self.in_zone: dict[str, Counter[str]] = defaultdict(Counter)
        """How many of them are in each zone."""
        self.vacated: list[Node] = []
        """The nodes that units had to leave, in the order of events."""
        self._book_those_there()

    def was_on(self, job: Job, node: Node) -> bool:
        """Whether the unit was on this node before this schedule."""
        if job.requirements.is_global:
            return node.id in self._everywhere.get(job.name, ())
        return self.current.get(job.name) == node.id

    def book(self, job: Job, node: Node) -> None:
        """Reserve what a unit wants, before others are given it."""
        if job.name not in node.booked | node.units:
            node.booked.add(job.name)
            node.reserved += job.requirements.resources

    def release(self, job: Job, node: Node) -> None:
        """Reserve it no longer."""
        node.booked.remove(job.name)
        node.reserved -= job.requirements.resources
        self.vacated.append(node)

    def freed(self, job: Job, node: Node) -> Resources:
        """What is no longer reserved on a node when `job` comes, by those that leave then.

        A Global unit that is booked only, since they are placed last, does not come then.
        """
        jobs, replaced = self.relations.jobs, self.relations.replaced(job.name)
        booked = (name for name in replaced & node.booked if jobs[name].requirements.is_global)
        leaving = replaced & node.units | {*booked} if replaced else ()
        return sum((jobs[name].requirements.resources for name in leaving), Resources())

    def newly_wanted(self, jobs: Collection[Job], node: Node) -> Resources:
        """What is to be reserved on a node when units come; none where all of them were before.

        Global units that they follow, and that are not there, come along.
        """
        known = self.relations.jobs
        peers = (known.get(peer) for job in jobs for peer in job.requirements.machine_of)
        along = {p.name: p for p in peers if p and p.requirements.is_global}
        coming = [
            job
            for job in (*jobs, *along.values())
            if job.requirements.resources
            and job.name not in node.units
            and job.name not in node.booked
        ]
        if all(self.was_on(job, node) for job in coming):
            return Resources()
        return sum((job.requirements.resources for job in coming), Resources())

    def _book_those_there(self) -> None:
        for name, machines in self._everywhere.items():
            job = self.relations.jobs.get(name)
            if job and job.requirements.is_global and job.requirements.resources:
                for machine in machines:
                    if machine in self.nodes:
                        self.book(job, self.nodes[machine])

    def place(self, job: Job, node: Node) -> None:
        """Place a unit that the rules allow on this node; those that it replaces leave."""
        for victim in self.victims(job, node):
            self.evict(victim, node)
        self._bring(job, node)
        for peer in job.requirements.machine_of:
            if peer not in node.units:
                self._bring(self.relations.jobs[peer], node)

    def evict(self, name: str, node: Node) -> None:
        """Evict a unit from a node, and its followers with it."""
        pending = [name]
        while pending:
            leaving = pending.pop()
            if leaving in node.units:
                node.units.remove(leaving)
                self.placed_on.pop(leaving, None)
                self._count(self.relations.jobs[leaving], node, -1)
                pending.extend(self.relations.followers[leaving])
        self.vacated.append(node)

    def victims(self, job: Job, node: Node) -> list[str]:
        """The units of a node that have to leave when `job` comes."""
        return sorted(node.units & self.relations.replaced(job.name))

    def replacement(self, job: Job, node: Node) -> str | None:
        """A unit of the node because of which `job` has to leave."""
        return min(self.relations.replacing(job.name, node.units), default=None)

    def has_opponent(self, job: Job, node: Node) -> bool:
        """Whether `job` conflicts with a unit of the node: one of the two says so."""
        matching = self.relations.patterns[job.name]
        return any(node.conflicts[pattern] for pattern in matching) or any(
            node.present[pattern] for pattern in job.requirements.conflicts
        )

    def is_crowded(self, job: Job, node: Node) -> bool:
        """Whether `job` is rather not beside a unit of the node: one of the two says so."""
        matching = self.relations.patterns[job.name]
        return any(node.soft_conflicts[pattern] for pattern in matching) or any(
            node.present[pattern] for pattern in job.requirements.soft_conflicts
        )

    def like(self, job: Job, node: Node) -> int:
        """How many instances of the unit's template are on a node."""
        template = self.relations.templates[job.name]
        return self.instances[template][node.id] if template else 0

    def opponent(self, job: Job, node: Node) -> str | None:
        """A unit of the node with which `job` conflicts."""
        conflict = self.relations.conflict
        return min((o for o in node.units if conflict(job.name, o)), default=None)

    def _bring(self, job: Job, node: Node) -> None:
        node.units.add(job.name)
        if not job.requirements.is_global:
            self.placed_on[job.name] = node
        self._count(job, node, 1)

    def _count(self, job: Job, node: Node, change: int) -> None:
        node.load += 0 if job.requirements.is_global else change
        if job.requirements.resources and job.name not in node.booked:
            wanted = job.requirements.resources
            node.reserved = node.reserved + wanted if change > 0 else node.reserved - wanted
        for pattern in self.relations.patterns[job.name]:
            node.present[pattern] += change
        for pattern in job.requirements.conflicts:
            node.conflicts[pattern] += change
        for pattern in job.requirements.soft_conflicts:
            node.soft_conflicts[pattern] += change
        template = self.relations.templates[job.name]
        if template and not job.requirements.is_global:
            self.instances[template][node.id] += change
            self.in_zone[template][node.zone(job.requirements.spread)] += change
