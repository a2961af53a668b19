"""Candidates: the nodes that a unit could be on, whatever else runs there, by id and metadata."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from functools import cached_property

from ..unitfiles.resources import Resources
from .feasibility import LASTING_RULES, objection
from .ranking import Ranking
from .relations import Job
from .state import Node, SchedulerState


class Candidates:
    """The nodes that fulfil the lasting requirements which some units have in common."""

    def __init__(self, state: SchedulerState, job: Job, nodes: list[Node]) -> None:
        self.nodes = nodes
        """In the order of their ids."""
        self._state = state
        self._job = job
        # A cordoned machine gets no new units; those that it has are kept without this.
        self._open = [node for node in nodes if not node.eligibility]
        self._rankings: dict[Resources, Ranking] = {}

    @cached_property
    def refusals(self) -> dict[str, str]:
        """The reason why each of the other nodes can never get these units."""
        reasons = {
            node.id: objection(self._state, self._job, node, LASTING_RULES)
            for node in self._state.nodes.values()
        }
        return {machine: reason for machine, reason in reasons.items() if reason}

    def least_loaded(self, job: Job, accepts: Callable[[Node], bool]) -> Node | None:
        """The node with the fewest units among those accepted; of equals, that of lowest id."""
        wanted = job.requirements
        # Those that it replaces may make room.
        resources = Resources() if wanted.replaces else wanted.resources
        if resources not in self._rankings:
            self._rankings[resources] = Ranking(self._state, self._open, _load, resources)
        return self._rankings[resources].first(accepts)


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
