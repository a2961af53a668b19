"""The faults of a chaos run are data."""

from itertools import islice

import pytest

from tests.cluster.chaos.events import KINDS, LONG, Event, events
from tests.cluster.chaos.strike import AT_ONCE, LASTING

MACHINES = ["machine-1", "machine-2", "machine-3"]


def test_the_same_seed_tells_the_same_story_and_another_seed_another():
    def told(seed: int) -> list[Event]:
        return list(islice(events(seed, MACHINES), 50))

    assert told(3) == told(3)
    assert told(3) != told(4)


def test_every_kind_comes_on_every_machine():
    seen = list(islice(events(0, MACHINES), 1000))
    for kind in KINDS.values():
        struck = {machine for one in seen if one.kind == kind.name for machine in one.machines}
        assert any(one.kind == kind.name for one in seen)
        assert struck == (set(MACHINES) if kind.machines else set())


@pytest.mark.parametrize("one", list(islice(events(1, MACHINES), 40)), ids=str)
def test_an_event_can_be_told_and_read_again(one: Event):
    assert Event.parse(str(one)) == one


def test_every_kind_can_strike_and_those_that_last_are_those_with_a_duration():
    assert {kind.name for kind in KINDS.values() if kind.lasts} == LASTING.keys()
    assert {kind.name for kind in KINDS.values() if not kind.lasts} == AT_ONCE.keys()


def test_what_is_to_be_told_is_told_of_a_fault_that_lasts_long():
    assert Event.parse("run-full machine-1 3.0").told == ""
    assert Event.parse(f"run-full machine-1 {LONG[0]}").told == KINDS["run-full"].told != ""
    assert all(LONG in kind.lasts for kind in KINDS.values() if kind.told)
