"""The choice of the machines that are asked."""

from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.usage.choice import MOST, chosen

ids = st.lists(st.integers(0, 60).map(str), max_size=60)


@given(ids, ids, ids)
def test_no_more_than_so_many_and_none_that_is_not_alive(
    alive: list[str], seen: list[str], asked: list[str]
) -> None:
    found = chosen(alive, seen, asked)
    assert len(found) == min(len(set(alive)), MOST) == len(set(found))
    assert set(found) <= set(alive)


@given(ids, ids, ids)
def test_those_on_the_screen_come_before_those_that_are_asked_and_these_before_others(
    alive: list[str], seen: list[str], asked: list[str]
) -> None:
    found = set(chosen(alive, seen, asked))
    on_screen = list(dict.fromkeys(one for one in seen if one in alive))
    assert set(on_screen[:MOST]) <= found
    others = found - set(on_screen)
    if others - set(asked):
        assert set(asked) & set(alive) <= found, "another was taken although one is asked already"
