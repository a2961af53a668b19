"""Candidates: the nodes that a unit could be on, whatever else runs there, by id and metadata.

Among those that a unit may be on, the best is chosen: for an instance of a template by how many of
the others are in the node's zone, then on the node; for all by how many units it has.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cached_property, partial
from itertools import groupby

from ..unitfiles.resources import Resources
from .feasibility import LASTING_RULES, objection
from .ranking import Rank, Ranking
from .relations import Job
from .state import Node, SchedulerState

Accepts = Callable[[Node], bool]


class Candidates:
    """The nodes that fulfil the lasting requirements which some units have in common."""

    def __init__(self, state: SchedulerState, job: Job, nodes: list[Node]) -> None:
        self.nodes = nodes
        """In the order of their ids."""
        self._state = state
        self._job = job
        # A cordoned machine gets no new units; those that it has are kept without this.
        self._open = [node for node in nodes if not node.eligibility]
        self._zones: dict[str, Mapping[str, list[Node]]] = {}
        self._rankings: dict[Hashable, Ranking] = {}

    @cached_property
    def refusals(self) -> dict[str, str]:
        """The reason why each of the other nodes can never get these units."""
        reasons = {
            node.id: objection(self._state, self._job, node, LASTING_RULES)
            for node in self._state.nodes.values()
        }
        return {machine: reason for machine, reason in reasons.items() if reason}

    def best(self, job: Job, accepts: Accepts) -> Node | None:
        """The best node among those accepted; of equals, that of the lowest id."""
        template = self._state.relations.templates[job.name]
        if not template:
            return self._ranking(job, "", self._open, _load).first(accepts)
        zones = self._by_zone(job.requirements.spread)
        crowd = self._state.in_zone[template]
        for _, equals in groupby(sorted(zones, key=crowd.__getitem__), crowd.__getitem__):
            found = (self._best_in(zone, zones[zone], job, accepts) for zone in equals)
            nodes = [node for node in found if node]
            if nodes:
                rank = partial(self._rank, template)
                return min(nodes, key=lambda node: (rank(node), node.id))
        return None

    def _by_zone(self, key: str) -> Mapping[str, list[Node]]:
        if key not in self._zones:
            zones: defaultdict[str, list[Node]] = defaultdict(list)
            for node in self._open:
                zones[node.zone(key)].append(node)
            self._zones[key] = zones
        return self._zones[key]

    def _best_in(self, zone: str, nodes: list[Node], job: Job, accepts: Accepts) -> Node | None:
        """The best node of a zone.

        All nodes are ranked for a template of many instances. For one of few that would be most of
        the work: its nodes are looked at one by one, and for others those of fewest units serve.
        """
        template = self._state.relations.templates[job.name]
        rank = partial(self._rank, template)
        key = job.requirements.spread
        if self._state.relations.sizes[template] ** 2 > len(nodes):
            return self._ranking(job, (template, key, zone), nodes, rank).first(accepts)
        having = self._state.instances[template]
        others = self._ranking(job, (key, zone), nodes, _load)
        if node := others.first(lambda node: not having[node.id] and accepts(node)):
            return node
        mine = (self._state.nodes[id] for id, count in having.items() if count)
        fitting = [n for n in mine if not n.eligibility and n.zone(key) == zone and accepts(n)]
        return min(fitting, key=lambda node: (rank(node), node.id), default=None)

    def _rank(self, template: str, node: Node) -> tuple[int, ...]:
        return self._state.instances[template][node.id], node.load

    def _ranking(self, job: Job, of: Hashable, nodes: Iterable[Node], rank: Rank) -> Ranking:
        wanted = job.requirements
        # Those that it replaces may make room.
        resources = Resources() if wanted.replaces else wanted.resources
        key = of, resources
        if key not in self._rankings:
            self._rankings[key] = Ranking(self._state, nodes, rank, resources)
        return self._rankings[key]


def _load(node: Node) -> tuple[int, ...]:
    return (node.load,)


class CandidateIndex:
    """An index of nodes by metadata: it finds a unit's candidates without asking each node."""

    def __init__(self, state: SchedulerState) -> None:
        self._state = state
        self._known: dict[Hashable, Candidates] = {}
        self._having: dict[tuple[str, str], set[str]] = defaultdict(set)
        for node in state.nodes.values():
            for pair in node.machine.metadata.items():
                self._having[pair].add(node.id)

    def of(self, job: Job) -> Candidates:
        """The candidates for this unit: one object for all with the same lasting requirements."""
        wanted = job.requirements
        key = (wanted.machine_id, frozenset(wanted.machine_metadata.items()))
        if key not in self._known:
            self._known[key] = Candidates(self._state, job, self._matching(job))
        return self._known[key]

    def _matching(self, job: Job) -> list[Node]:
        wanted = job.requirements
        machines = set(self._state.nodes)
        if wanted.machine_id is not None:
            machines &= {wanted.machine_id}
        for key, values in wanted.machine_metadata.items():
            machines &= set[str]().union(*(self._having[key, value] for value in values))
        return [self._state.nodes[machine] for machine in sorted(machines)]
