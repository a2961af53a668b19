"""fleet's numbers on three machines, next to systemd alone: `python -m bench.fleet [PART...]`.

Parts: `start` (start and destroy), `containers` (of Docker and as quadlets), `idle`, `failover`;
all if none is named. Prints tables, writes
every single figure to a JSON file, and removes the machines.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import containers, tables
from .experiments import IDLE_UNITS, Took, Usage, failover, idle, start_and_destroy
from .lab import Lab, lab

SIZES = (12, 100, 500)
CONTAINERS = 100
LEASES = (10, 5)
FIGURES = Path("bench-fleet.json")


def _start(lab: Lab, repetitions: int) -> tuple[Any, str]:
    took = {size: start_and_destroy(lab, size, repetitions) for size in SIZES}
    return took, tables.start_and_destroy(took)


def _containers(lab: Lab, repetitions: int) -> tuple[Any, str]:
    took = containers.start_and_destroy(lab, CONTAINERS, repetitions)
    return took, tables.containers(CONTAINERS, took)


def _failover(lab: Lab, repetitions: int) -> tuple[Any, str]:
    took: dict[int, dict[str, list[Took]]] = {}
    for lease in LEASES:
        lab.set_lease(lease)
        took[lease] = {
            who: failover(lab, IDLE_UNITS, who == "leader", repetitions)
            for who in ("follower", "leader")
        }
    return took, tables.failover(took)


def _idle(lab: Lab, _repetitions: int) -> tuple[list[Usage], str]:
    used = idle(lab)
    return used, tables.idle(used)


PARTS: dict[str, Callable[[Lab, int], tuple[Any, str]]] = {
    "start": _start,
    "containers": _containers,
    "idle": _idle,
    "failover": _failover,
}
"""The last one leaves its lease behind."""


def main() -> None:
    """Measure, print, clean up."""
    arguments = _arguments()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, lab(Path(folder)) as made:
        for part in [part for part in PARTS if part in (arguments.parts or PARTS)]:
            figures[part], text = PARTS[part](made, arguments.repetitions)
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
            arguments.figures.write_text(json.dumps(figures, indent=1, default=asdict) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.fleet")
    # Not `choices`: argparse would take "none named" for a wrong one.
    parser.add_argument("parts", nargs="*", type=_part, metavar="PART")
    parser.add_argument("--repetitions", type=int, default=3, help="of each measurement")
    parser.add_argument("--figures", type=Path, default=FIGURES, help="the JSON file")
    return parser.parse_args()


def _part(given: str) -> str:
    if given not in PARTS:
        allowed = ", ".join(PARTS)
        raise argparse.ArgumentTypeError(f"{given!r} is no part; allowed: {allowed}")
    return given


if __name__ == "__main__":
    try:
        main()
    except subprocess.TimeoutExpired as error:
        sys.exit(f"{error}")
