"""Random histories of faults: each elapse of a timer with Once=true runs once."""

import os
import random

import pytest

from tests.unit.fleet.simulation import events, history
from tests.unit.fleet.simulation.__main__ import shortest
from tests.unit.fleet.simulation.events import Event

SEEDS = int(os.environ.get("FLEET_SIMULATION_SEEDS", "25"))
UNTIMELY = ("jump",)
"""Events that no promise about time outlasts."""


def jobs(seed: int) -> list[Event]:
    """A history in which something is scheduled from the beginning, and takes longer at times."""
    rng = random.Random(seed)
    whole = [Event(1, "schedule", (rng.choice(("5", "10", "20")),))]
    for event in events.history(seed, history.LENGTH):
        if event.name not in UNTIMELY:
            whole.append(event)
        if rng.random() < 0.2:
            whole.append(Event(event.tick, "last", (rng.choice(("1", "4", "12", "30")),)))
    return whole


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_history_of_jobs(seed: int) -> None:
    whole = jobs(seed)
    broken = history.play(seed, whole)
    if broken:
        pytest.fail(history.tell(seed, *shortest(seed, whole, broken)))
