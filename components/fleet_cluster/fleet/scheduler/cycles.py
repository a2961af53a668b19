"""Cycles in a directed graph: its strongly connected components (Kosaraju's algorithm)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

Graph = Mapping[str, Collection[str]]


def cycles(graph: Graph) -> dict[str, str]:
    """The cycle of each node that lies on one: nodes that can reach each other have one label."""
    reverse: dict[str, list[str]] = defaultdict(list)
    for node, successors in graph.items():
        for successor in successors:
            reverse[successor].append(node)
    labels: dict[str, str] = {}
    for root in reversed(_finished(graph)):
        pending = [root]
        while pending:
            node = pending.pop()
            if node not in labels:
                labels[node] = root
                pending.extend(reverse[node])
    sizes = Counter(labels.values())
    return {n: label for n, label in labels.items() if sizes[label] > 1 or n in graph.get(n, ())}


def _finished(graph: Graph) -> list[str]:
    """All nodes in the order in which a depth-first walk has finished with them."""
    finished: list[str] = []
    seen: set[str] = set()
    for start in graph:
        path = [(start, iter([start]))]
        while path:
            node, successors = path[-1]
            successor = next((successor for successor in successors if successor not in seen), None)
            if successor is not None:
                seen.add(successor)
                path.append((successor, iter(graph.get(successor, ()))))
            else:
                path.pop()
                if path:
                    finished.append(node)
    return finished
