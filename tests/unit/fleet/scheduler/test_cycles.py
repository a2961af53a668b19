from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.scheduler.cycles import cycles

nodes = st.sampled_from("abcdefg")


def reachable(graph: dict[str, list[str]], start: str) -> set[str]:
    found: set[str] = set()
    pending = list(graph.get(start, ()))
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            pending.extend(graph.get(node, ()))
    return found


@given(st.dictionaries(nodes, st.lists(nodes, max_size=3)))
def test_labels_are_equal_exactly_on_the_same_cycle(graph: dict[str, list[str]]) -> None:
    labels = cycles(graph)
    for one in "abcdefg":
        assert (one in labels) == (one in reachable(graph, one))
    for one, other in product(labels, labels):
        together = one == other or (
            other in reachable(graph, one) and one in reachable(graph, other)
        )
        assert (labels[one] == labels[other]) == together


def test_a_long_cycle() -> None:
    graph = {str(n): [str((n + 1) % 5000)] for n in range(5000)}
    assert set(cycles(graph).values()) == {cycles(graph)["0"]}
    assert len(cycles(graph)) == 5000
