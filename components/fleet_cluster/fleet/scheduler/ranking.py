"""Rankings of nodes: the first of those that a unit may be on, found without asking all."""

import heapq
from collections.abc import Callable, Iterable

from ..unitfiles.resources import Resources
from .state import Node, SchedulerState

Rank = Callable[[Node], tuple[int, ...]]


class Ranking:
    """Nodes by rank, those of the same rank by id, for units that want the same resources.

    Ranks grow while units are placed: what has grown is put right when it comes up.
    """

    def __init__(
        self, state: SchedulerState, nodes: Iterable[Node], rank: Rank, wanted: Resources
    ) -> None:
        self._state = state
        self._nodes = {node.id: node for node in nodes}
        self._rank = rank
        self._wanted = wanted
        self._heap = [(rank(node), node.id) for node in self._nodes.values()]
        heapq.heapify(self._heap)
        self._seen = len(state.vacated)

    def first(self, accepts: Callable[[Node], bool]) -> Node | None:
        """The first node among those accepted."""
        self._renew()
        passed: list[tuple[tuple[int, ...], str]] = []
        found = None
        while self._heap and not found:
            rank, machine = self._heap[0]
            node = self._nodes[machine]
            now = self._rank(node)
            if now != rank:
                heapq.heapreplace(self._heap, (now, machine))
            elif self._wanted and not node.has_room(self._wanted):
                heapq.heappop(self._heap)  # Nor will it have any, unless units leave it.
            else:
                passed.append(heapq.heappop(self._heap))
                found = node if accepts(node) else None
        for entry in passed:
            heapq.heappush(self._heap, entry)
        return found

    def _renew(self) -> None:
        """See again the nodes that units have left."""
        for node in self._state.vacated[self._seen :]:
            if node.id in self._nodes:
                heapq.heappush(self._heap, (self._rank(node), node.id))
        self._seen = len(self._state.vacated)
