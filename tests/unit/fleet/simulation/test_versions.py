"""The present fleetd and the previous release's in one cluster, for as long as one likes."""

import random

import pytest

from fleet_cluster.fleet.fleetd.loop import Fleetd
from fleet_cluster.fleet.model.keys import LEADER
from tests.unit.fleet.fakes.units import SLEEPS
from tests.unit.fleet.simulation import events, history, previous
from tests.unit.fleet.simulation.node import TTL, Software
from tests.unit.fleet.simulation.watcher import Promise
from tests.unit.fleet.simulation.world import World

VERSIONS: dict[str, Software] = {"previous": previous.fleetd, "present": Fleetd}
SEEDS = 12
LENGTH = 25


def software_of(world: World) -> dict[str, str]:
    """The package that each machine's fleetd is of."""
    return {node.name: type(node.fleetd).__module__ for node in world.nodes}


@pytest.mark.parametrize("leading", VERSIONS)
def test_either_leads_the_other(leading: str) -> None:
    following = next(name for name in VERSIONS if name != leading)
    world = World(machines=3)
    events.begin(world)
    first, *others = world.nodes
    first.software = VERSIONS[leading]
    for node in others:
        node.software = VERSIONS[following]
        node.power_off()
    world.run(3 * TTL, lambda: world.store.value(LEADER) == first.id)
    for node in others:
        node.power_on()
    assert world.run(6 * TTL, world.settled), world.differences()
    assert software_of(world)["m1"] != software_of(world)["m2"] == software_of(world)["m3"]
    events.pair(world)
    events.change(world, "u0.service", "1")
    events.stop(world, "u1.service")
    events.drain(world, "m2", "gently")
    world.run(60 * TTL, world.settled)
    events.uncordon(world, "m2")
    world.destroy("u2.service")
    world.want("new.service", SLEEPS)
    assert world.run(6 * TTL, world.settled), world.differences()
    assert world.store.value(LEADER) == first.id and world.watcher.violations == []


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_history_with_each_fleetd_of_one_version_or_the_other(seed: int) -> None:
    """Each that starts, after a crash too: machines are upgraded, and go back."""

    def draw(world: World) -> None:
        for node in world.nodes:
            chance = random.Random(f"{seed} {node.id} {world.ticks}")  # noqa: S311
            node.software = VERSIONS[chance.choice([*VERSIONS])]

    happening = events.history(seed, LENGTH)
    assert history.play(seed, happening, draw) == []


def test_a_quadlet_runs_on_under_the_version_before_which_knows_none() -> None:
    world = World(machines=3)
    events.begin(world)
    world.want("web.container", "[Container]\nImage=reg/web\n")
    assert world.run(6 * TTL, world.settled), world.differences()
    (home,) = [node for node in world.nodes if "web.container" in node.systemd.running()]
    began = home.systemd.running()["web.container"]
    _all_become(world, "previous")
    world.run(6 * TTL, lambda: False)
    assert home.systemd.running()["web.container"] == began
    # It says of it what it says of a unit that nobody has.
    assert {violation.promise for violation in world.watcher.violations} == {Promise.TRUTH}
    _all_become(world, "present")
    assert world.run(6 * TTL, world.settled), world.differences()
    assert home.systemd.running()["web.container"] == began


def _all_become(world: World, version: str) -> None:
    for node in world.nodes:
        node.software = VERSIONS[version]
        node.kill()
