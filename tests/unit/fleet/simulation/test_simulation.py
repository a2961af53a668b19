"""Random histories of faults break no promise; a broken promise is seen, and told in short."""

import os
import random
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import pytest

from fleet_cluster.fleet.agent.checkpoint import LocalUnit, Progress
from fleet_cluster.fleet.engine import reconciler
from fleet_cluster.fleet.engine.failure_detector import FailureDetector
from fleet_cluster.fleet.engine.reconciler import Caution
from tests.unit.fleet.simulation import events, history
from tests.unit.fleet.simulation.__main__ import shortest
from tests.unit.fleet.simulation.events import Event
from tests.unit.fleet.simulation.node import TTL
from tests.unit.fleet.simulation.watcher import Promise
from tests.unit.fleet.simulation.world import World

pytestmark = pytest.mark.timeout(600)
"""Some search for a history that breaks: on a busy computer that takes its time."""

SEEDS = int(os.environ.get("FLEET_SIMULATION_SEEDS", "25"))
"""How many histories; `python -m tests.unit.fleet.simulation run` plays thousands."""

MOST = 6
"""Events in the shortest form of a history that fails."""


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_history(seed: int) -> None:
    whole = events.history(seed, history.LENGTH)
    broken = history.play(seed, whole)
    if broken:
        pytest.fail(history.tell(seed, *shortest(seed, whole, broken)))


@pytest.mark.parametrize("seed", range(4))
def test_any_history_on_machines_without_room(seed: int) -> None:
    rng = random.Random(seed)
    whole = events.history(seed, history.LENGTH)
    for event in list(whole)[::5]:
        machine, ticks = rng.choice(events.MACHINES), rng.choice((4, 30, 90, 200))
        whole.append(Event(event.tick, "fill", (machine, str(ticks))))
    whole.sort(key=lambda event: event.tick)
    broken = history.play(seed, whole)
    if broken:
        pytest.fail(history.tell(seed, *shortest(seed, whole, broken)))


@pytest.mark.parametrize("seed", range(10))
def test_any_history_of_units_that_machines_have_little_room_for(seed: int) -> None:
    rng = random.Random(seed)
    whole = [Event(1, "enlarge", (unit,)) for unit in events.LARGE]
    for event in events.history(seed, history.LENGTH):
        name, unit = rng.choice(("enlarge", "destroy")), rng.choice(events.LARGE)
        whole += [event, Event(event.tick, name, (unit,))]
    for event in whole[::12]:
        whole.append(Event(event.tick, "enlarge_global", (rng.choice("24"),)))
    whole.sort(key=lambda event: event.tick)
    broken = history.play(seed, whole)
    if broken:
        pytest.fail(history.tell(seed, *shortest(seed, whole, broken)))


@pytest.mark.parametrize("seed", range(10))
def test_any_history_of_units_that_are_found_by_names(seed: int) -> None:
    broken = history.play(seed, named(seed))
    if broken:
        pytest.fail(history.tell(seed, *shortest(seed, named(seed), broken)))


def named(seed: int) -> list[Event]:
    """The history with this seed, in which units get names."""
    rng = random.Random(seed)
    whole = [Event(1, "christen", (unit,)) for unit in events.UNITS]
    for event in events.history(seed, history.LENGTH):
        whole += [event, Event(event.tick, "christen", (rng.choice(events.UNITS),))]
    return sorted(whole, key=lambda event: event.tick)


FOUND = {
    "a fleetd that just booted gives all machines of an emptied store time to announce": (
        202,
        "448 late_commit m2 2 8; 457 power m1 4; 461 empty 1",
    ),
    "the same, also one that hangs": (
        519,
        "162 hang m3 15 60; 163 lose_watches m3; 181 empty 1; 182 power m2 12",
    ),
    "a fleetd that is killed remembers that the store was emptied": (
        615,
        "714 read_only 90; 716 empty 50; 720 stop p1.service; 724 kill m2 3",
    ),
    "a unit that is at rest on a machine may run on one that has not announced itself yet": (
        10162,
        "280 mute m2 90; 317 outage 90; 326 empty 1; 348 freeze m3 4",
    ),
    "states are reported again when the store is emptied twice": (
        10396,
        "841 wipe 30; 842 empty 50",
    ),
    "a fleetd that was started in an outage was disconnected": (
        11479,
        "1261 deaf m3 50; 1267 empty 50; 1288 kill m2 15; 1292 outage 50",
    ),
    "a machine that hung until its units were given to others may run them for a moment": (
        21017,
        "100 power m1 50; 102 hang m3 17 60; 142 empty 12",
    ),
    "while the store is read-only, no machine counts as announced": (
        21231,
        "880 read_only 50; 888 empty 4; 908 pause m1 23 1",
    ),
    "the same, with a leader that stays": (
        22134,
        "329 hang m3 29 1; 333 pause m1 8 2; 342 empty 12; 344 read_only 50",
    ),
    "a restored store ends watches that begin before its history": (
        21294,
        "516 pause m3 31 60; 577 save; 585 wipe 1; 623 restore 4 other",
    ),
    "what was read just before the store was lost is read anew": (
        30063,
        "501 cut m1 50; 551 pause m1 12 60; 611 wipe 30",
    ),
    "a unit that was stopped on a full disk starts again after a restart of fleetd": (
        20,
        "131 fill m1 200; 267 drain m1 gently; 284 uncordon m1; 312 fill m1 200; 386 kill m1 39",
    ),
    "a machine that boots does not start again what was about to end there": (
        5499,
        "67 pair; 210 power m1 90; 530 drain m2 gently; 532 deaf m1 90; 533 read_only 50; "
        "545 deaf m2 50; 549 deaf m3 90; 554 power m2 1",
    ),
    "a unit that is down where it was is not given back there": (
        4,
        "67 pair; 210 power m1 90; 530 drain m2 gently; 532 deaf m1 90; 533 read_only 50; "
        "545 deaf m2 50; 550 deaf m3 90; 554 power m2 1; 556 uncordon m3",
    ),
    "an address is noted again in an emptied store": (
        0,
        "676 wipe 50; 898 replace m2 1",
    ),
    "a restored store that names a replaced machine is put right": (
        50,
        "918 save; 1508 replace m2 50; 1726 restore 50 same",
    ),
    "what a leader wrote and could not confirm is not done after it has decided anew": (
        404,
        "170 kill m3 9; 178 replace m2 50; 300 relabel m1 b; 301 late_commit m2 2 4; "
        "305 replace m1 30; 314 cut m1 30",
    ),
    "the same, when a machine comes back meanwhile": (
        30416,
        "491 power m3 50; 500 wipe 12; 502 late_commit m2 3 8",
    ),
    "a machine that replaces the leader does not lead while it could move nothing": (
        40796,
        "160 replace m1 12",
    ),
    "the same, where candidates stand almost at once": (
        5,
        "160 replace m2 20",
    ),
    "what a drained machine holds of an emptied store starts elsewhere first": (
        60271,
        "453 pair; 473 drain m2 force; 495 empty 4; 496 drain m3 gently",
    ),
    "what was being removed when the store was lost is written anew": (
        80254,
        "580 job 0; 770 pause m1 9 60; 772 empty 30; 941 kill m2 33; 987 pause m2 24 4; "
        "988 drain m2 gently; 992 wipe 4",
    ),
    "what a machine holds that comes back and is drained stops before it starts elsewhere": (
        100392,
        "694 deaf m1 50; 696 empty 4; 697 cut m3 30; 704 drain m1 force; 764 uncordon m3",
    ),
    "a move to where the unit is ends": (
        26,
        "941 move p0.service m1",
    ),
    "what a machine says twice was not said in between, while another one stood still": (
        77932,
        "386 save; 893 pause m2 10 60; 901 wipe 4; 961 restore 12 other",
    ),
    "what the user wants nowhere may be stopped on a machine that has come since": (
        78051,
        "591 save; 1073 stop u3.service; 1509 restore 90 other; 1589 replace m1 1",
    ),
    "what the fence stops before its start is noted starts again": (
        1602,
        "29 pause m3 22 60; 49 drain m2 gently; 173 power m2 50; 725 rebalance; 729 kill m3 32; "
        "730 outage 12; 733 outage 12; 735 empty 50",
    ),
}
"""Histories that broke a promise once."""


@pytest.mark.parametrize(("seed", "text"), FOUND.values(), ids=FOUND)
def test_what_was_found_once(seed: int, text: str) -> None:
    assert history.play(seed, [Event.parse(one) for one in text.split(";")]) == []


def test_a_history_can_be_told_and_read_again() -> None:
    whole = events.history(7, history.LENGTH)
    assert [Event.parse(str(one)) for one in whole] == whole


def first_failure(promise: Promise) -> tuple[int, Sequence[Event]]:
    for seed in range(200):
        whole = events.history(seed, history.LENGTH)
        broken = history.play(seed, whole)
        if broken and broken[0].promise is promise:
            few, again = shortest(seed, whole, broken)
            print(history.tell(seed, few, again))
            assert again[0].promise is promise
            return seed, few
    raise AssertionError(f"no history saw that it is broken: {promise}")


def assert_found(promise: Promise) -> None:
    """A history sees that this promise is broken, and is told in short."""
    with history.silence():
        _, few = first_failure(promise)
    assert len(few) <= MOST


def no(*_: object) -> bool:
    return False


def yes(*_: object) -> bool:
    return True


def careless(**_caution: object) -> Caution:
    return Caution()


def test_a_leader_that_does_not_wait_for_the_old_machine_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleet_cluster.fleet.engine.reconciler._Reconciler._is_elsewhere", no)
    assert_found(Promise.ONE_MACHINE)


def test_a_leader_that_stops_what_the_store_does_not_know_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decider = getattr(reconciler, "_Reconciler")  # noqa: B009 (it is private)
    withdraw = getattr(decider, "_withdraw")  # noqa: B009

    def withdraw_all(self: object, unit: str, homes: set[str], reason: str, _known: bool = True):
        return withdraw(self, unit, homes, reason)

    monkeypatch.setattr(decider, "_withdraw", withdraw_all)
    assert_found(Promise.STOPS_NOTHING)


def test_who_follows_a_restored_store_at_once_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet_cluster.fleet.agent.store_trust.StoreTrust._confirms", yes)
    monkeypatch.setattr("fleet_cluster.fleet.engine.leader.Caution", careless)
    assert_found(Promise.ONE_MACHINE)


def test_a_fence_that_does_not_close_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet_cluster.fleet.systemd.fence.STOP_AT", 2.0)
    assert_found(Promise.FENCED)


def test_a_unit_that_is_stopped_before_it_is_up_elsewhere_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleet_cluster.fleet.engine.migration.Migrations._starts_first", no)
    assert_found(Promise.STARTS_FIRST)


def test_a_leader_that_ends_names_after_it_has_units_stopped_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleet_cluster.fleet.engine.transactions.lets_go", no)
    with history.silence():
        broken = [one for seed in range(4) for one in history.play(seed, named(seed))]
    assert Promise.FOUND in {one.promise for one in broken}


def test_a_machine_that_does_not_wait_when_a_name_is_gone_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a cluster where nothing else happens: what has just happened may be the reason."""
    monkeypatch.setattr("fleet_cluster.fleet.coordination.shutdown_delay.MAX_SECONDS", 0.0)
    world = World(machines=3)
    events.begin(world)
    events.christen(world, events.UNITS[0])
    assert world.run(6 * TTL, world.settled), world.differences()
    world.run(2 * TTL)
    assert world.watcher.violations == []
    world.destroy(events.UNITS[0])
    world.run(TTL)
    assert Promise.FOUND in {one.promise for one in world.watcher.violations}


class Pessimist(FailureDetector):
    """Takes every loss for a fault of its own."""

    def look(
        self,
        alive: AbstractSet[str],
        placed: AbstractSet[str],
        emptied: AbstractSet[str] = frozenset(),
    ) -> None:
        super().look(alive, placed, emptied)
        self.too_many = bool(self.missing)


def test_a_leader_that_does_not_believe_in_losses_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet_cluster.fleet.engine.leader.FailureDetector", Pessimist)
    assert_found(Promise.IN_TIME)


def test_a_machine_that_leads_before_it_could_move_anything_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where it comes in the place of the leader; of who is first in a vacancy chance decides."""
    monkeypatch.setattr("fleet_cluster.fleet.coordination.election.YIELD_SECONDS", 0.0)
    replaced = [Event(160, "replace", ("m2", "20"))]
    with history.silence():
        broken = [one for seed in range(8) for one in history.play(seed, replaced)]
    assert {one.promise for one in broken} == {Promise.IN_TIME}


def forgotten(raw: dict[str, Any]) -> LocalUnit:
    return LocalUnit(raw["sha"], Progress.LOADED, revision=raw["revision"])


def test_a_fleetd_that_does_not_remember_what_it_has_started_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleet_cluster.fleet.agent.checkpoint._local_unit", forgotten)
    assert_found(Promise.ONCE)
