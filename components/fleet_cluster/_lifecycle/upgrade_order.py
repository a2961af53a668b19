"""The order in which machines get another version of fleetd: one alone, then a few at a time."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 5
"""How many machines are upgraded at a time once the first one is healthy."""


def predecessors(steps: Sequence[T]) -> list[T]:
    """What the next machine's step waits for, of the steps of all machines before it."""
    first, others = steps[:1], steps[1:]
    return [*first, *(others[-AT_ONCE:][:1] if len(others) >= AT_ONCE else ())]
