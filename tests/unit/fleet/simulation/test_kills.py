"""fleetd is killed between each of its reads and writes in turn: it goes on where it was."""

import re
from collections.abc import Callable

import pytest

from fleet_cluster.fleet.model.records import DesiredState
from tests.unit.fleet.fakes.units import ENDS, FAILS, SLEEPS
from tests.unit.fleet.simulation.node import TTL
from tests.unit.fleet.simulation.world import World

Action = Callable[[World], None]

TIMES = re.compile(r'"(at|since|told)":[0-9.]+,?')
"""What may differ between two that end in the same state."""


def start(world: World) -> None:
    world.want("new.service", SLEEPS)


def start_what_fails(world: World) -> None:
    world.want("fails.service", FAILS)


def start_what_ends(world: World) -> None:
    world.want("ends.service", ENDS)


def load(world: World) -> None:
    world.want("loaded.service", SLEEPS, DesiredState.LOADED)


def change(world: World) -> None:
    world.want("old.service", SLEEPS + "# changed\n")


def change_to_what_fails(world: World) -> None:
    world.want("old.service", FAILS)


def stop(world: World) -> None:
    world.want("old.service", SLEEPS, DesiredState.INACTIVE)


def stop_only(world: World) -> None:
    world.want("old.service", SLEEPS, DesiredState.LOADED)


def destroy(world: World) -> None:
    world.destroy("old.service")


def stop_and_start(world: World) -> None:
    stop(world)
    world.tick()
    world.want("old.service", SLEEPS)


def empty_the_store(world: World) -> None:
    world.wipe()
    world.run(3)
    world.apply("old.service")


ACTIONS: list[Action] = [
    start,
    start_what_fails,
    start_what_ends,
    load,
    change,
    change_to_what_fails,
    stop,
    stop_only,
    destroy,
    empty_the_store,
]


def settled_world() -> World:
    world = World(machines=1)
    world.want("old.service", SLEEPS)
    assert world.run(2 * TTL, world.settled)
    return world


def gates_of(action: Action) -> int:
    """How many points there are at which fleetd can be killed in the course of the action."""
    world = settled_world()
    world.nodes[0].gates = 0
    action(world)
    world.run(15)
    return world.nodes[0].gates


def final_state(world: World) -> dict[str, object]:
    systemd = world.nodes[0].systemd
    return {
        "running": systemd.running(),
        "disk": systemd.disk,
        "starts": sorted((one.name, one.sha) for one in systemd.starts),
        "violations": world.watcher.violations,
        "reports": sorted(
            (key, TIMES.sub("", entry.value))
            for key, entry in world.store.entries.items()
            if key.startswith(("/fleet/states/", "/fleet/schedule/"))
        ),
    }


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_killed_anywhere(action: Action) -> None:
    undisturbed = settled_world()
    action(undisturbed)
    undisturbed.run(30)
    assert not undisturbed.watcher.violations
    for point in range(1, gates_of(action) + 1):
        world = settled_world()
        world.nodes[0].kill_in = point
        action(world)
        world.run(30)
        assert final_state(world) == final_state(undisturbed), f"killed at point {point}"


def test_killed_anywhere_while_told_to_stop_and_to_start() -> None:
    for point in range(1, gates_of(stop_and_start) + 1):
        world = settled_world()
        world.nodes[0].kill_in = point
        stop_and_start(world)
        assert world.run(30, world.settled), f"killed at point {point}"
        assert not world.watcher.violations


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_killed_again_and_again(action: Action) -> None:
    undisturbed = settled_world()
    action(undisturbed)
    undisturbed.run(30)
    world = settled_world()
    action(world)
    for points in range(1, 25):
        world.nodes[0].kill_in = points
        world.run(1)
    world.run(30)
    assert final_state(world) == final_state(undisturbed)
