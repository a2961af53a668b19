"""Random histories of faults, in which an operator releases: a canary stays one."""

import os
import random
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.operations import release, rollout
from fleet_cluster.fleet.model.records import Unit
from tests.unit.fleet.simulation import events, history
from tests.unit.fleet.simulation.__main__ import shortest
from tests.unit.fleet.simulation.events import Event
from tests.unit.fleet.simulation.releases import RELEASED, VARIANTS
from tests.unit.fleet.simulation.watcher import Promise

SEEDS = int(os.environ.get("FLEET_SIMULATION_SEEDS", "25"))
LOSSES = ("wipe", "empty", "restore")
"""Events with which etcd loses what it knows of a canary."""
OPERATIONS = ("canary", "canary", "go_on", "go_on", "back", "undo", "interrupt")


def releases(seed: int) -> list[Event]:
    """A history in which an operator releases a template and a Global unit, again and again."""
    rng = random.Random(seed)
    whole = [Event(1, "establish")]
    for event in events.history(seed, history.LENGTH):
        whole += [event] if event.name not in LOSSES else []
        if rng.random() < 0.5:
            whole.append(_operation(rng, event.tick))
        if rng.random() < 0.1:
            whole.append(Event(event.tick, "lose_operators_answer", (str(rng.randrange(1, 20)),)))
    return sorted(whole, key=lambda event: event.tick)


def _operation(rng: random.Random, tick: int) -> Event:
    verb = rng.choice(OPERATIONS)
    if verb == "interrupt":
        return Event(tick + rng.randrange(8), verb)
    name = rng.choice(list(RELEASED))
    size, variant = rng.choice((1, 2, 3)), rng.choice(VARIANTS)
    return Event(tick, verb, (name, str(size), str(variant)) if verb == "canary" else (name,))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_history_of_releases(seed: int) -> None:
    whole = releases(seed)
    broken = history.play(seed, whole)
    if broken:
        pytest.fail(history.tell(seed, *shortest(seed, whole, broken)))


NEWCOMER = "1 establish; 48 replace m2 30; 48 canary v.service 1 3"
FOUND = {
    "a machine that replaces another one is no canary": (
        10,
        NEWCOMER,
    ),
    "nor is one that was drained when the canary began": (
        26,
        "1 establish; 91 drain m2 gently; 611 canary v.service 1 2",
    ),
    "a canary that is superseded is pending until the other one has begun": (
        5,
        "1 establish; 111 canary v.service 2 1; 205 undo r@.service; "
        "205 lose_operators_answer 14; 265 canary v.service 1 2",
    ),
}
"""Histories that broke the promise once."""


@pytest.mark.parametrize(("seed", "text"), FOUND.values(), ids=FOUND)
def test_what_was_found_once(seed: int, text: str) -> None:
    assert played(text, seed) == set()


def played(text: str, seed: int = 0) -> set[Promise]:
    """The promises that a history breaks."""
    events_of = [Event.parse(one) for one in text.split(";")]
    with history.silence():
        return {one.promise for one in history.play(seed, events_of)}


BEGUN = "1 establish; 60 canary r@.service 1 1; 61 interrupt"
GONE_ON = "1 establish; 60 canary r@.service 2 1; 160 power m1 30; 260 go_on r@.service"


@pytest.mark.parametrize("text", [BEGUN, GONE_ON])
def test_a_history_without_a_fault_breaks_nothing(text: str) -> None:
    assert played(text) == set()


def test_a_canary_that_is_not_noted_before_it_begins_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollout.Rollout, "_begin_canaries", nothing)
    monkeypatch.setattr(rollout.Rollout, "_end_canaries", nothing)
    assert played(BEGUN) == {Promise.CANARY}


def test_a_canary_that_is_one_more_than_was_said_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    units = release.canary_units

    def one_more(name: str, size: int, *given: Any) -> dict[str, Unit]:
        return units(name, size + 1, *given)

    monkeypatch.setattr(release, "canary_units", one_more)
    assert played(GONE_ON) == {Promise.CANARY}


def test_a_file_that_gets_to_machines_which_come_later_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sha_on(unit: Unit, machine: str) -> str:
        return unit.retained_files.get(machine, unit.sha)

    monkeypatch.setattr(Unit, "sha_on", sha_on)
    assert played(NEWCOMER) == {Promise.CANARY}


def nothing(_rollout: rollout.Rollout) -> None:
    """In the place of what would do something."""
