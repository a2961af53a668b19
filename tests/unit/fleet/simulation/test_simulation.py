"""Random histories of faults; no unit is stopped, doubled or lost by any of them."""

import os
from collections.abc import Callable

import pytest

from components.fleet.model import Target
from components.fleet.store import Snapshot

from ..fakes import SLEEPS
from .world import World

SEEDS = int(os.environ.get("FLEET_SIMULATION_SEEDS", "25"))
"""How many histories; more for a longer run."""

STEPS = 40
UNITS = [f"u{i}.service" for i in range(6)]
PARTICULAR = ["p0.service", "p1.service"]
"""Units that run only on a machine of one role."""

ROLES = ["a", "b"]


class History:
    """One random history."""

    def __init__(self, seed: int) -> None:
        self.world = World(machines=3, seed=seed)
        self.random = self.world.random
        self.snapshot: Snapshot | None = None
        self.log: list[str] = []

    def play(self) -> None:
        world = self.world
        for node, role in zip(world.nodes, "aba", strict=True):
            node.metadata = {"role": role}
        for unit in UNITS[:4]:
            world.want(unit, SLEEPS)
        for unit in PARTICULAR:
            world.want(unit, SLEEPS + "[X-Fleet]\nMachineMetadata=role=a\n")
        world.run(5)
        for _ in range(STEPS):
            event = self.random.choice(EVENTS)
            self.log.append(f"{world.clock():.2f} {event.__name__}")
            event(self)
            world.run(self.random.choice([0.25, 0.5, 1, 2, 5, 15]))
        self.heal()

    def heal(self) -> None:
        """End all faults; then everything must come right by itself."""
        for node, role in zip(self.world.nodes, "aba", strict=True):
            node.on = True
            node.line.up = True
            node.line.catch_up()
            node.kill_in = node.fail_in = node.pause_in = 0
            if node.metadata != {"role": role}:
                node.relabel(role)
        self.apply()
        self.world.run(120, self.world.settled)

    def change(self) -> None:
        text = f"{SLEEPS}# {self.random.randrange(3)}\n"
        self.world.want(self.random.choice(UNITS), text)

    def stop(self) -> None:
        unit = self.random.choice(sorted(self.world.wanted))
        self.world.want(unit, self.world.wanted[unit][0], Target.INACTIVE)

    def kill(self) -> None:
        self.random.choice(self.world.nodes).kill_in = self.random.randrange(1, 40)

    def pause(self) -> None:
        node = self.random.choice(self.world.nodes)
        node.pause_in = self.random.randrange(1, 40)
        node.pause_ticks = self.random.choice([1, 1, 2, 4, 60])

    def relabel(self) -> None:
        self.random.choice(self.world.nodes).relabel(self.random.choice(ROLES))

    def lose_answer(self) -> None:
        self.random.choice(self.world.nodes).fail_in = self.random.randrange(1, 20)

    def lose_watches(self) -> None:
        self.random.choice(self.world.nodes).line.hang_up()

    def lag(self) -> None:
        self.random.choice(self.world.nodes).line.lag()

    def catch_up(self) -> None:
        for node in self.world.nodes:
            node.line.catch_up()

    def cut(self) -> None:
        self.random.choice(self.world.nodes).line.cut()

    def mend(self) -> None:
        for node in self.world.nodes:
            node.line.up = True

    def cut_all(self) -> None:
        """The store is away for everyone; its leases stand still meanwhile."""
        for node in self.world.nodes:
            node.line.cut()
        for _ in range(self.random.randrange(1, 80)):
            self.world.store.extend_leases()
            self.world.tick()
        self.mend()

    def wipe(self) -> None:
        self.world.wipe()
        self.world.run(self.random.choice([0.25, 2, 20]))
        self.apply()

    def save(self) -> None:
        self.snapshot = self.world.store.read("")

    def restore(self) -> None:
        if self.snapshot:
            self.world.restore(self.snapshot)
            self.world.run(self.random.choice([0.25, 2, 20]))
            self.apply()

    def apply(self) -> None:
        """What `pulumi up` does: write the desired state again."""
        for unit in self.world.wanted:
            self.world.apply(unit)

    def power(self) -> None:
        node = self.random.choice(self.world.nodes)
        if node.on:
            self.world.watcher.cut_off(node.id)
            node.power_off()
        else:
            node.power_on()


EVENTS: list[Callable[[History], None]] = [
    History.change,
    History.stop,
    History.kill,
    History.kill,
    History.pause,
    History.pause,
    History.pause,
    History.relabel,
    History.lose_answer,
    History.lose_watches,
    History.lag,
    History.catch_up,
    History.cut,
    History.mend,
    History.cut_all,
    History.power,
    History.wipe,
    History.save,
    History.restore,
]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_history(seed: int) -> None:
    history = History(seed)
    history.play()
    assert not history.world.watcher.violations, "\n".join(history.log)
    assert history.world.differences() == []
