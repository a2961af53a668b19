"""Delta debugging: the shortest list that still fails (Zeller and Hildebrandt's ddmin)."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shrink(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """A part of `items`, in order, that fails, and from which no single item can be left out.

    `items` itself must fail.
    """
    parts = 2
    while len(items) >= parts:
        smaller = _smaller(items, parts, fails)
        if smaller is not None:
            items, parts = smaller, max(2, parts - 1)
        elif parts == len(items):
            break
        else:
            parts = min(len(items), 2 * parts)
    return [] if len(items) == 1 and fails([]) else list(items)


def _smaller(
    items: Sequence[T], parts: int, fails: Callable[[Sequence[T]], bool]
) -> list[T] | None:
    """What still fails without one of so many parts."""
    bounds = [len(items) * n // parts for n in range(parts + 1)]
    for begin, end in zip(bounds, bounds[1:], strict=False):
        rest = [*items[:begin], *items[end:]]
        if fails(rest):
            return rest
    return None
