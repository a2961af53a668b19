"""Relations between the units to be placed: followers, conflicts, replacements."""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from functools import cached_property

from ..unitfiles.globs import Patterns
from ..unitfiles.names import template_of
from ..unitfiles.requirements import Requirements
from .cycles import cycles


@dataclass(frozen=True)
class Job:
    """A unit that is to be on a machine: its desired state is loaded or launched."""

    name: str
    requirements: Requirements


class Relations:
    """The relations of units: who follows whom, conflicts with whom, replaces whom."""

    def __init__(self, jobs: Collection[Job]) -> None:
        self.jobs = {job.name: job for job in sorted(jobs, key=lambda job: job.name)}
        """By name, and in that order, in whatever order they come."""
        self.templates = {name: template_of(name) or "" for name in self.jobs}
        """Each unit's template; empty for a unit that is no instance."""
        self.sizes = Counter(self.templates.values())
        """How many instances each template has."""
        self.followers: dict[str, list[str]] = defaultdict(list)
        """Each unit's followers: those that name it in `MachineOf`."""
        self._replacing: dict[str, set[str]] = defaultdict(set)
        for name, job in self.jobs.items():
            for peer in job.requirements.machine_of:
                self.followers[peer].append(name)
            for pattern in job.requirements.replaces:
                self._replacing[pattern].add(name)
        conflicting = {p for job in self.jobs.values() for p in job.requirements.conflicts}
        self._softly = {p for job in self.jobs.values() for p in job.requirements.soft_conflicts}
        patterns = Patterns(conflicting | self._softly | self._replacing.keys())
        self.patterns = {name: patterns.matching(name) for name in self.jobs}
        """Those patterns in `Conflicts`, `SoftConflicts` and `Replaces` of any unit that match
        each unit."""
        self._replaced: dict[Hashable, frozenset[str]] = {}

    def followed(self, name: str) -> list[str]:
        """The units that it follows. It does not follow Global ones: they are at many places."""
        jobs, peers = self.jobs, self.jobs[name].requirements.machine_of
        return [p for p in peers if p not in jobs or not jobs[p].requirements.is_global]

    def is_particular(self, name: str) -> bool:
        """Whether the unit is rather not beside some others, as one of them says."""
        soft = self.jobs[name].requirements.soft_conflicts
        return bool(soft) or not self._softly.isdisjoint(self.patterns[name])

    def conflict(self, one: str, other: str) -> bool:
        """Whether one of the two keeps clear of the other."""
        return one != other and (
            self._match(self.jobs[one].requirements.conflicts, other)
            or self._match(self.jobs[other].requirements.conflicts, one)
        )

    def replaces(self, one: str, other: str) -> bool:
        """Whether `other` has to leave the machine of `one`; not if they do so in a cycle."""
        cycle = self._replacement_cycles.get(one)
        return self._match(self.jobs[one].requirements.replaces, other) and (
            cycle is None or cycle != self._replacement_cycles.get(other)
        )

    def replaced(self, name: str) -> frozenset[str]:
        """The units that have to leave the machine of unit `name`."""
        patterns = self.jobs[name].requirements.replaces
        if not patterns:
            return frozenset()
        key = patterns, self._replacement_cycles.get(name)
        if key not in self._replaced:
            found = {other for pattern in patterns for other in self._matching[pattern]}
            self._replaced[key] = frozenset(o for o in found if self.replaces(name, o))
        return self._replaced[key]

    def replacing(self, name: str, units: set[str]) -> list[str]:
        """Those of `units` whose machine unit `name` has to leave."""
        found = (units & self._replacing[p] for p in self.patterns[name] if p in self._replacing)
        return [other for some in found for other in some if self.replaces(other, name)]

    def kind(self, name: str) -> Hashable:
        """The kind of a unit: units of one kind fit on the same nodes, wherever the others are."""
        wanted = self.jobs[name].requirements
        return (
            wanted.machine_id,
            frozenset(wanted.machine_metadata.items()),
            wanted.machine_of,
            wanted.is_once,
            wanted.conflicts,
            wanted.soft_conflicts,
            wanted.max_per_machine and (wanted.max_per_machine, self.templates[name]),
            wanted.replaces,
            wanted.resources,
            self.patterns[name],
            self._replacement_cycles.get(name),
        )

    def cycle(self, name: str) -> list[str]:
        """The units that follow each other in a cycle with this one, itself included."""
        label = self._following.get(name)
        return [] if label is None else self._cycles[label]

    def _match(self, patterns: tuple[str, ...], name: str) -> bool:
        return bool(patterns) and not set(patterns).isdisjoint(self.patterns[name])

    @cached_property
    def _matching(self) -> dict[str, list[str]]:
        """The units that match each pattern."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, patterns in self.patterns.items():
            for pattern in patterns:
                found[pattern].append(name)
        return found

    @cached_property
    def _following(self) -> dict[str, str]:
        return cycles({name: self.followers[name] for name in self.jobs})

    @cached_property
    def _cycles(self) -> dict[str, list[str]]:
        members: dict[str, list[str]] = defaultdict(list)
        for name, label in self._following.items():
            members[label].append(name)
        return {label: sorted(names) for label, names in members.items()}

    @cached_property
    def _replacement_cycles(self) -> dict[str, str]:
        """Cycles of units that make each other move, by `Replaces` or by being followed.

        Were they taken at their word, they would chase each other over the machines for ever.
        A pattern is a node of its own: with an edge for each pair of units, the graph of a
        template that replaces its own instances would grow with their square.
        """
        if not self._replacing:
            return {}
        graph = {_node(pattern): names for pattern, names in self._matching.items()}
        for name, job in self.jobs.items():
            graph[name] = [*self.followers[name], *map(_node, job.requirements.replaces)]
        return cycles(graph)


def _node(pattern: str) -> str:
    return f"pattern {pattern}"
