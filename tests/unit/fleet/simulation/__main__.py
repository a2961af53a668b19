"""The simulation's long mode, and the replay of one history.

python -m tests.unit.fleet.simulation run [HISTORIES] [FIRST SEED]
python -m tests.unit.fleet.simulation replay SEED "TICK NAME ARGUMENTS; ..."
"""

import logging
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from time import monotonic

from tests.unit.fleet.simulation import events, history
from tests.unit.fleet.simulation.events import Event
from tests.unit.fleet.simulation.shrink import shrink
from tests.unit.fleet.simulation.watcher import Violation

HISTORIES = 2000
AT_ONCE = 20
"""Histories that a process plays before it reports."""


def fails_at(seed: int) -> str:
    """Play the history of a seed. If it fails, its shortest form, told; empty if not."""
    whole = events.history(seed, history.LENGTH)
    with history.silence():
        broken = history.play(seed, whole)
        if not broken:
            return ""
        return history.tell(seed, *shortest(seed, whole, broken))


def shortest(
    seed: int, whole: Sequence[Event], broken: Sequence[Violation]
) -> tuple[list[Event], list[Violation]]:
    """The fewest of these events that break the same promise, and how they break it."""
    promise = broken[0].promise

    def fails(some: Sequence[Event]) -> bool:
        return any(one.promise is promise for one in history.play(seed, some))

    few = shrink(whole, fails)
    return few, history.play(seed, few)


def run(histories: int, first: int) -> int:
    """Play histories on all processors. How many fail; the first ones are shrunk and printed."""
    began, failed = monotonic(), 0
    with ProcessPoolExecutor() as pool:
        for told in pool.map(fails_at, range(first, first + histories), chunksize=AT_ONCE):
            if told:
                failed += 1
                print(f"{told}\n", flush=True)
    seconds = monotonic() - began
    print(f"{histories} histories from seed {first} in {seconds:.0f} s: {failed} break a promise")
    return failed


def replay(seed: int, text: str) -> int:
    """Play one history, with all that fleetd says. How many promises it breaks."""
    happening = [Event.parse(one) for one in text.split(";") if one.strip()]
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    broken = history.play(seed, happening)
    print(history.tell(seed, happening, broken) if broken else "no promise is broken")
    return len(broken)


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    match list(arguments):
        case ["replay", seed, text]:
            return replay(int(seed), text)
        case ["run", *numbers] if len(numbers) <= 2:  # noqa: PLR2004
            histories, first = [*map(int, numbers), *[HISTORIES, 0][len(numbers) :]]
            return run(histories, first)
        case _:
            print(__doc__)
            return 2


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
