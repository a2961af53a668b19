"""Circles in a directed graph: its strongly connected components (Kosaraju's algorithm)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

Graph = Mapping[str, Collection[str]]


def circles(graph: Graph) -> dict[str, str]:
    """Mark the nodes that lie on circles: those that can reach each other have the same mark."""
    reverse: dict[str, list[str]] = defaultdict(list)
    for node, targets in graph.items():
        for target in targets:
            reverse[target].append(node)
    marks: dict[str, str] = {}
    for root in reversed(_finished(graph)):
        pending = [root]
        while pending:
            node = pending.pop()
            if node not in marks:
                marks[node] = root
                pending.extend(reverse[node])
    sizes = Counter(marks.values())
    return {n: mark for n, mark in marks.items() if sizes[mark] > 1 or n in graph.get(n, ())}


def _finished(graph: Graph) -> list[str]:
    """All nodes in the order in which a depth-first walk has finished with them."""
    finished: list[str] = []
    seen: set[str] = set()
    for start in graph:
        path = [(start, iter([start]))]
        while path:
            node, targets = path[-1]
            target = next((target for target in targets if target not in seen), None)
            if target is not None:
                seen.add(target)
                path.append((target, iter(graph.get(target, ()))))
            else:
                path.pop()
                if path:
                    finished.append(node)
    return finished
