"""The choice of the machines that are asked."""

from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.usage.choice import MOST, chosen

ids = st.lists(st.sampled_from("abcdefgh"), max_size=12)
LIMIT = 3


@given(ids, ids, ids)
def test_no_more_than_so_many_and_none_that_is_not_alive(
    alive: list[str], seen: list[str], asked: list[str]
) -> None:
    found = chosen(alive, seen, asked, LIMIT)
    assert len(found) == min(len(set(alive)), LIMIT) == len(set(found))
    assert set(found) <= set(alive)
    assert chosen(alive, seen, asked) == sorted(set(alive)), f"{MOST} are all"


@given(ids, ids, ids)
def test_those_on_the_screen_come_before_those_that_are_asked_and_these_before_others(
    alive: list[str], seen: list[str], asked: list[str]
) -> None:
    found = set(chosen(alive, seen, asked, LIMIT))
    on_screen = [one for one in dict.fromkeys(seen) if one in alive]
    assert set(on_screen[:LIMIT]) <= found
    if found - set(on_screen) - set(asked):
        assert set(asked) & set(alive) <= found, "another was taken although one is asked already"
