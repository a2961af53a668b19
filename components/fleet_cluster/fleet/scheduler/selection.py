"""Selection of a node for a unit that is on none, among those that it may be on."""

from collections.abc import Callable, Hashable

from .candidates import CandidateIndex
from .colocation import Colocation
from .feasibility import allowed
from .relations import Job
from .state import Node, SchedulerState


class Selection:
    """Selects a node for each unit, as the scheduler's state is when it is asked."""

    def __init__(
        self, state: SchedulerState, candidates: CandidateIndex, colocation: Colocation
    ) -> None:
        self._state = state
        self._relations = state.relations
        self._candidates = candidates
        self._colocation = colocation
        self._hopeless: set[Hashable] = set()
        """Kinds of units for which there is no node, as long as no unit leaves one."""

    def begin(self) -> None:
        """Units may have left nodes: nothing is hopeless."""
        self._hopeless.clear()

    def best(self, job: Job) -> Node | None:
        """The node for a unit; a follower has no choice."""
        peers = self._relations.followed(job.name)
        if peers:
            node = self._state.placed_on.get(peers[0])
            return node if node and self._allows(job, node) else None
        if self._may_stay(job):
            return self._find(job, self.takes_in, self._relations.replaced(job.name))
        return self._node_of_replaced(job) or self._node_for_all(job) or self._any_node(job)

    def home(self, job: Job) -> Node | None:
        """The node where a unit was before this schedule."""
        return self._state.nodes.get(self._state.current.get(job.name, ""))

    def takes_in(self, job: Job, node: Node) -> bool:
        """Whether a unit may come there with all that follow it."""
        return self._allows(job, node) and not self._colocation.objection(job, node)

    def _any_node(self, job: Job) -> Node | None:
        return self._unless_hopeless(job, None, self._allows)

    def _node_for_all(self, job: Job) -> Node | None:
        """A node that also has room for what follows the unit."""
        if not self._relations.followers[job.name]:
            return None
        wanted = self._colocation.to_come(job)
        if wanted == job.requirements.resources:
            return None
        return self._unless_hopeless(
            job, wanted, lambda job, node: node.has_room(wanted) and self._allows(job, node)
        )

    def _unless_hopeless(
        self, job: Job, more: Hashable, accepts: Callable[[Job, Node], bool]
    ) -> Node | None:
        """The best node; `more`: what makes it hard to find besides the unit's kind."""
        if self._hopeless and (self._relations.kind(job.name), more) in self._hopeless:
            return None
        node = self._find(job, accepts)
        if not node:
            self._hopeless.add((self._relations.kind(job.name), more))
        return node

    def _node_of_replaced(self, job: Job) -> Node | None:
        """A new unit takes the machine of one that it replaces; one that moves, another."""
        replaced = self._relations.replaced(job.name)
        if not replaced:
            return None
        if job.name in self._state.current:
            return self._find(job, self._allows, avoiding=replaced)
        placed_on = self._state.placed_on
        nodes = {placed_on[name] for name in replaced if name in placed_on}
        fitting = [node for node in nodes if self._allows(job, node)]
        return min(fitting, key=lambda node: (node.load, node.id), default=None)

    def _find(
        self,
        job: Job,
        accepts: Callable[[Job, Node], bool],
        avoiding: frozenset[str] = frozenset(),
    ) -> Node | None:
        """The best node, and one where nobody minds the unit before all others."""
        candidates = self._candidates.of(job)

        def fits(node: Node) -> bool:
            return accepts(job, node) and avoiding.isdisjoint(node.units)

        if self._relations.is_particular(job.name):
            crowded = self._relations.kind(job.name), "crowded"
            if crowded not in self._hopeless:
                is_crowded = self._state.is_crowded
                node = candidates.best(job, lambda node: not is_crowded(job, node) and fits(node))
                if node:
                    return node
                if accepts == self._allows and not avoiding:
                    self._hopeless.add(crowded)
        return candidates.best(job, fits)

    def _may_stay(self, job: Job) -> bool:
        """Whether its machine is drained, and nothing else speaks against that it stays there."""
        node = self.home(job)
        if not node or not node.is_draining or node.is_forced:
            return False
        return allowed(self._state, job, node, staying=True)

    def _allows(self, job: Job, node: Node) -> bool:
        return allowed(self._state, job, node)
