"""Random histories of faults break no promise; a broken promise is seen, and told in short."""

import os
from collections.abc import Sequence

import pytest

from . import events, history
from .__main__ import shortest
from .events import Event
from .watcher import Promise

SEEDS = int(os.environ.get("FLEET_SIMULATION_SEEDS", "25"))
"""How many histories; `python -m tests.unit.fleet.simulation run` plays thousands."""

MOST = 4
"""Events in the shortest form of a history that fails."""


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_history(seed: int) -> None:
    whole = events.history(seed, history.LENGTH)
    broken = history.play(seed, whole)
    if broken:
        pytest.fail(history.tell(seed, *shortest(seed, whole, broken)))


def test_a_history_can_be_told_and_read_again() -> None:
    whole = events.history(7, history.LENGTH)
    assert [Event.parse(str(one)) for one in whole] == whole


def first_failure(promise: Promise) -> tuple[int, Sequence[Event]]:
    for seed in range(40):
        whole = events.history(seed, history.LENGTH)
        broken = history.play(seed, whole)
        if broken and broken[0].promise is promise:
            few, again = shortest(seed, whole, broken)
            print(history.tell(seed, few, again))
            assert again[0].promise is promise
            return seed, few
    raise AssertionError(f"no history saw that it is broken: {promise}")


def no(*_: object) -> bool:
    return False


def yes(*_: object) -> bool:
    return True


def careless(situation: object, **_: object) -> object:
    return situation


def test_a_leader_that_does_not_wait_for_the_old_machine_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("components.fleet.daemon.assigning._Decider._is_elsewhere", no)
    with history.silence():
        _, few = first_failure(Promise.ONE_MACHINE)
    assert len(few) <= MOST


def test_an_agent_that_follows_a_restored_store_at_once_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("components.fleet.daemon.agent.Agent._confirms", yes)
    monkeypatch.setattr("components.fleet.daemon.leader.replace", careless)
    with history.silence():
        _, few = first_failure(Promise.STOPS_NOTHING)
    assert len(few) <= MOST
