"""Machines that reboot in turn: real fleetds, of which one leads, and may be the next one."""

import random

import pytest

from fleet_cluster.fleet.fleetctl.state.watcher import read_state
from fleet_cluster.fleet.model.keys import ELIGIBILITY, LEADER, REBOOT_LOCK, reboot_key
from fleet_cluster.fleet.model.reboots import RebootRequest
from fleet_cluster.fleet.model.records import Eligibility
from tests.unit.fleet.simulation import events, previous
from tests.unit.fleet.simulation.node import TTL, Node
from tests.unit.fleet.simulation.world import World

TIMEOUT = 120.0
SEEDS = 8


def made(seed: int = 0) -> World:
    world = World(machines=3, seed=seed)
    events.begin(world)
    world.on_tick = lambda: look(world)
    assert world.run(6 * TTL, world.settled), world.differences()
    return world


def look(world: World) -> None:
    """What the leader has drained may move; no two machines are away."""
    world.note_departures()
    away = [node.name for node in world.nodes if not node.on]
    assert len(away) <= 1, f"{away} are away at once"


def ask(world: World, *nodes: Node, series: str = "s", force: bool = False) -> None:
    for node in nodes:
        request = RebootRequest(series, requested_at=1.0, force=force, timeout=TIMEOUT)
        world.store.put(reboot_key(node.id), request.to_json())


def outcomes(world: World) -> list[str]:
    return [one.outcome for _, one in sorted(read_state(world.store).reboots.items())]


def test_all_machines_reboot_and_each_has_its_units_before_the_next() -> None:
    world = made()
    ask(world, *world.nodes)
    assert world.run(4 * TIMEOUT, lambda: all(outcomes(world))), read_state(world.store).reboot_lock
    assert outcomes(world) == [RebootRequest.DONE] * 3
    assert [node.reboots for node in world.nodes] == [1, 1, 1]
    assert not world.marks() and REBOOT_LOCK not in world.store.entries
    assert world.run(6 * TTL, world.settled), world.differences()
    assert world.watcher.violations == []


def test_what_an_operator_has_drained_stays_so() -> None:
    world = made()
    world.mark("m2", Eligibility(draining=True, since=1.0))
    ask(world, world.node("m2"))
    assert world.run(4 * TIMEOUT, lambda: all(outcomes(world)))
    assert outcomes(world) == [RebootRequest.DONE]
    assert world.marks() == {"m2": Eligibility(draining=True, since=1.0)}


def test_a_machine_that_stays_away_keeps_all_others_up() -> None:
    world = made()
    first = world.node("m1")
    first.boots = False
    ask(world, *world.nodes)
    assert world.run(4 * TIMEOUT, lambda: all(outcomes(world)))
    assert outcomes(world)[0] == f"not done within {TIMEOUT:g} s: it is away"
    assert [node.reboots for node in world.nodes] == [1, 0, 0]
    world.run(2 * TIMEOUT)
    assert [node.reboots for node in world.nodes] == [1, 0, 0]
    first.power_on()
    assert world.run(6 * TTL, lambda: REBOOT_LOCK not in world.store.entries)
    assert not world.marks() and outcomes(world)[0] == RebootRequest.DONE


def test_a_fleetd_of_the_previous_release_is_not_told_and_another_goes_on() -> None:
    world = made()
    other = next(node for node in world.nodes if node.id != world.store.value(LEADER))
    other.software = previous.fleetd
    other.kill()
    assert world.run(6 * TTL, world.settled)
    leader = world.node(world.store.value(LEADER) or "")
    ask(world, other)
    assert world.run(4 * TIMEOUT, lambda: all(outcomes(world)))
    assert "cannot be told" in outcomes(world)[0]
    ask(world, leader, series="another")
    assert world.run(4 * TIMEOUT, lambda: not leader.on)
    assert world.run(4 * TIMEOUT, lambda: leader.on)
    assert world.watcher.violations == []


def test_an_emptied_store_reboots_nothing() -> None:
    world = made()
    ask(world, world.node("m1"))
    assert world.run(TIMEOUT, lambda: REBOOT_LOCK in world.store.entries)
    world.wipe()
    world.run(2 * TIMEOUT)
    assert [node.reboots for node in world.nodes] == [0, 0, 0]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_goes_wrong_meanwhile_no_two_machines_are_away(seed: int) -> None:
    world, chance = made(seed), random.Random(seed)  # noqa: S311
    ask(world, *world.nodes, force=chance.random() < 0.5)
    for _ in range(12):
        world.run(chance.uniform(1, 30))
        node = chance.choice(world.nodes)
        happening = chance.choice(["kill", "cut", "lag", "outage", "late", "uncordon"])
        if happening == "kill":
            node.kill()
        elif happening in ("cut", "lag"):
            node.begin(happening, chance.randrange(4, 80))
        elif happening == "outage":
            world.begin_outage(chance.randrange(4, 80))
        elif happening == "late":
            node.late_in, node.late_ticks = 1, 8
        else:
            world.store.remove(*(key for key in world.store.entries if key.startswith(ELIGIBILITY)))
        world.stir()
    world.run(3 * TIMEOUT)
    assert all(outcomes(world)), outcomes(world)
    assert all(node.on for node in world.nodes)
    assert REBOOT_LOCK not in world.store.entries and not world.marks()
    assert world.run(12 * TTL, world.settled), world.differences()
