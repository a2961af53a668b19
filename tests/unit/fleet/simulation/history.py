"""A history: a seed and events. Playing it gives the promises that it breaks."""

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from tests.unit.fleet.simulation import events
from tests.unit.fleet.simulation.events import Event
from tests.unit.fleet.simulation.node import TICK
from tests.unit.fleet.simulation.watcher import Violation
from tests.unit.fleet.simulation.world import World

QUIET_TICKS = 60
"""How long after its last event a history ends by itself."""

HEALING_SECONDS = 120.0
"""In which everything must come right once all faults have ended."""

LENGTH = 40
"""How many events a history has."""


def unchanged(_world: World) -> None:
    """Nothing else."""


def play(
    seed: int, happening: Sequence[Event], also: Callable[[World], None] = unchanged
) -> list[Violation]:
    """Play a history to its end, or until a promise is broken. The first ones that were.

    `also`: what else is done to the world, before each tick.
    """
    world = World(machines=3, seed=seed)
    coming = list(happening)

    def on_tick() -> None:
        also(world)
        while coming and coming[0].tick <= world.ticks:
            event = coming.pop(0)
            events.happen(world, event)
            world.stir()

    world.on_tick = on_tick
    events.begin(world)
    last = happening[-1].tick if happening else 0
    while world.ticks < last + QUIET_TICKS and not world.watcher.violations:
        world.tick()
        world.operator.work()
    if not world.watcher.violations:
        events.heal(world)
        for step in events.closing(world):
            world.run(HEALING_SECONDS, lambda: world.settled() or bool(world.watcher.violations))
            world.operator.conclude(step)
        world.run(HEALING_SECONDS, lambda: world.settled() or bool(world.watcher.violations))
        world.watcher.check_convergence()
    return world.watcher.violations


def tell(seed: int, happening: Sequence[Event], violations: Sequence[Violation]) -> str:
    """A history in words, with the command that plays it again."""
    shown = "\n".join(
        f"  at {one.tick * TICK:6.2f} s: {one.name} {' '.join(one.arguments)}" for one in happening
    )
    broken = "\n".join(f"  {one}" for one in violations)
    listed = "; ".join(map(str, happening))
    return (
        f"history {seed} breaks a promise:\n{broken}\nafter {len(happening)} events:\n{shown}\n"
        f"To play it again:\n"
        f'  python -m tests.unit.fleet.simulation replay {seed} "{listed}"'
    )


@contextmanager
def silence() -> Generator[None]:
    """Without what fleetd logs."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
