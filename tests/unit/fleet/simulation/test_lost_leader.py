"""A machine is lost that leads etcd and fleet: how soon its units run, and who may not hurry."""

import pytest

from fleet_cluster.fleet.coordination.lease import Lease
from fleet_cluster.fleet.model.keys import LEADER
from tests.unit.fleet.fakes.units import SLEEPS
from tests.unit.fleet.simulation.node import TICK, TTL, Node
from tests.unit.fleet.simulation.world import World

UNITS = [f"u{number}.service" for number in range(6)]
BEFORE = 3 * TTL
"""Seconds in which every machine has long been connected."""


def settled_world(seed: int = 0) -> World:
    world = World(machines=3, seed=seed)
    for unit in UNITS:
        world.want(unit, SLEEPS)
    assert world.run(6 * TTL, world.settled), world.differences()
    world.run(BEFORE)
    return world


def leading(world: World) -> Node:
    return next(node for node in world.nodes if node.id == world.store.value(LEADER))


def homes(world: World) -> dict[str, list[str]]:
    return {
        unit: [node.name for node in world.nodes if unit in node.systemd.running()]
        for unit in UNITS
    }


def lose_etcd(world: World, seconds: dict[str, float]) -> None:
    """Nothing reaches etcd from these machines; leases end meanwhile."""
    for name, one in seconds.items():
        world.node(name).begin("cut", round(one / TICK))


@pytest.mark.parametrize("election", [2.0, 6.0])
@pytest.mark.parametrize("seed", range(10))
def test_its_units_run_elsewhere_within_one_election_the_lease_and_two_seconds(
    seed: int, election: float
) -> None:
    """Also where the election takes so long that everybody counts as disconnected."""
    world = settled_world(seed)
    leading(world).power_off()
    world.begin_outage(round(election / TICK))
    assert world.run(election + TTL + 2, lambda: all(homes(world).values())), homes(world)
    assert world.watcher.violations == []


@pytest.mark.parametrize("seed", range(10))
def test_who_was_away_from_etcd_for_a_lease_finds_its_units_still_its_own(seed: int) -> None:
    """Those who are back first wait for the others: nobody knows why all were away."""
    world = settled_world(seed)
    before = homes(world)
    lose_etcd(world, {"m1": TTL + 3, "m2": TTL + 4, "m3": TTL + 9})
    world.run(4 * TTL)
    assert world.run(6 * TTL, world.settled), world.differences()
    assert homes(world) == before


def at_once(_lease: Lease) -> float:
    return 0.0


def test_a_leader_that_waits_for_nobody_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lease, "steady_in", at_once)
    with pytest.raises(AssertionError, match="=="):
        test_who_was_away_from_etcd_for_a_lease_finds_its_units_still_its_own(0)
