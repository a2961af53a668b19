"""Real fleetds, and `fleetctl apply` of changed units whose records etcd has lost."""

from collections.abc import Callable

import pytest

from fleet_cluster.fleet.fleetctl.cli.rollout_options import Limits
from fleet_cluster.fleet.fleetctl.operations.apply import apply
from fleet_cluster.fleet.fleetctl.operations.context import note_nothing
from fleet_cluster.fleet.fleetctl.state.manifest import Manifest
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.kv import Snapshot
from fleet_cluster.fleet.model.records import DesiredState
from tests.unit.fleet.fakes.units import SLEEPS
from tests.unit.fleet.simulation.node import TTL
from tests.unit.fleet.simulation.world import World

EVERYWHERE = "nginx.service"
INSTANCES = [f"web@{number}.service" for number in (1, 2, 3)]
GLOBAL = "[X-Fleet]\nGlobal=true\nHealthySec=0\n"
ALONE = "[X-Fleet]\nConflicts=web@*.service\nHealthySec=0\n"


class LiveWatcher(Watcher):
    """A watcher that lets the cluster go on while it waits."""

    def __init__(self, world: World) -> None:
        super().__init__(world.store)
        self._world = world

    def wait(self, seconds: float) -> None:
        self._world.tick()
        self.refresh()


def document(comment: str) -> dict[str, object]:
    text = f"{SLEEPS}# {comment}\n"
    return {
        "owner": "web",
        "units": {
            EVERYWHERE: {"text": text + GLOBAL},
            "web@.service": {
                "text": text + ALONE,
                "instances": dict.fromkeys(INSTANCES, "launched"),
            },
        },
    }


def pulumi_up(world: World, comment: str) -> None:
    """A set of units, with another file each time."""
    manifest = Manifest.read(document(comment))
    for name in (EVERYWHERE, *INSTANCES):
        world.names.add(name)
        world.wanted[name] = (manifest.texts[manifest.units[name].sha], DesiredState.LAUNCHED)
        world.watcher.told(name)
    with LiveWatcher(world) as watcher:
        assert apply(manifest, watcher, Limits(), note_nothing) == {}


def is_announced(world: World) -> bool:
    """Whether all machines are there, and so have told what they run."""
    return all(world.lease_of(node.id) for node in world.nodes)


def running(world: World) -> tuple[int, int]:
    """On how many machines the Global unit runs, and how many instances do."""
    found = [node.systemd.running().keys() for node in world.nodes]
    return sum(EVERYWHERE in units for units in found), sum(
        len(units & {*INSTANCES}) for units in found
    )


LOSSES: dict[str, Callable[[World, Snapshot], None]] = {
    "wiped": lambda world, _before: world.wipe(),
    "emptied": lambda world, _before: world.empty(),
    "restored": lambda world, before: world.restore(before),
}
"""How etcd loses the records; `before` is what it had when there were none yet."""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loss", LOSSES)
def test_what_etcd_has_lost_is_rolled(loss: str, seed: int) -> None:
    world = World(machines=3, seed=seed)
    assert world.run(2 * TTL, lambda: is_announced(world))
    before = world.store.read("")
    pulumi_up(world, "one")
    assert world.run(2 * TTL, world.settled)
    LOSSES[loss](world, before)
    assert world.run(2 * TTL, lambda: is_announced(world))
    seen: list[tuple[int, int]] = []
    world.on_tick = lambda: seen.append(running(world))
    pulumi_up(world, "another")
    assert world.run(2 * TTL, world.settled), world.differences()
    assert (min(on for on, _ in seen), min(up for _, up in seen)) == (2, 2)
    assert not world.watcher.violations
    starts = [len(node.systemd.starts) for node in world.nodes]
    assert sum(starts) == 2 * (len(world.nodes) + len(INSTANCES)), "each once by each file"


def canary_up(world: World, comment: str, canary: int) -> None:
    """Another file for the template's instances, which `canary` of them get at first; 0 for all."""
    text = f"{SLEEPS}# {comment}\n{ALONE}"
    unit = {"text": text, "instances": dict.fromkeys(INSTANCES, "launched"), "canary": canary}
    manifest = Manifest.read({"owner": "web", "units": {"web@.service": unit}})
    for name in INSTANCES[:canary] if canary else INSTANCES:
        if world.wanted.get(name) != (text, DesiredState.LAUNCHED):
            world.names.add(name)
            world.wanted[name] = (text, DesiredState.LAUNCHED)
            world.watcher.told(name)
    with LiveWatcher(world) as watcher:
        assert apply(manifest, watcher, Limits(), note_nothing) == {}


@pytest.mark.parametrize("seed", range(3))
def test_a_canary_waits_and_no_instance_is_started_twice(seed: int) -> None:
    world = World(machines=3, seed=seed)
    assert world.run(2 * TTL, lambda: is_announced(world))
    canary_up(world, "one", 1)
    canary_up(world, "one", 0)
    seen: list[int] = []
    world.on_tick = lambda: seen.append(running(world)[1])
    canary_up(world, "another", 1)
    assert world.run(2 * TTL, world.settled), world.differences()
    starts = sum(len(node.systemd.starts) for node in world.nodes)
    assert starts == len(INSTANCES) + 1
    canary_up(world, "another", 1)
    canary_up(world, "another", 0)
    assert world.run(2 * TTL, world.settled), world.differences()
    starts = sum(len(node.systemd.starts) for node in world.nodes)
    assert starts == 2 * len(INSTANCES), "each once by each file"
    assert min(seen) == len(INSTANCES) - 1
    assert not world.watcher.violations
