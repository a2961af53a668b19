"""The shortest list that still fails."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fleet.simulation.shrink import shrink


@given(st.sets(st.integers(0, 40), min_size=1, max_size=6))
def test_exactly_what_is_needed_is_left(needed: set[int]) -> None:
    def fails(items: Sequence[int]) -> bool:
        return needed <= set(items)

    assert shrink(range(41), fails) == sorted(needed)


def test_what_always_fails_needs_nothing() -> None:
    assert shrink([1, 2, 3], lambda _items: True) == []
