from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.scheduler.cycles import circles

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
def test_marks_are_equal_exactly_on_the_same_circle(graph: dict[str, list[str]]) -> None:
    marks = circles(graph)
    for one in "abcdefg":
        assert (one in marks) == (one in reachable(graph, one))
    for one, other in product(marks, marks):
        together = one == other or (
            other in reachable(graph, one) and one in reachable(graph, other)
        )
        assert (marks[one] == marks[other]) == together


def test_a_long_circle() -> None:
    graph = {str(n): [str((n + 1) % 5000)] for n in range(5000)}
    assert set(circles(graph).values()) == {circles(graph)["0"]}
    assert len(circles(graph)) == 5000
