"""The faults of a chaos run are data."""

from itertools import islice

import pytest

from tests.cluster.chaos.events import KINDS, Event, events

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
