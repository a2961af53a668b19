"""fleet beside Docker Swarm on the same three machines: `python -m bench.peers [PART...]`.

Parts: `start` (start and destroy 100 containers), `roll` (to another image), `failover` (a machine
killed), `idle`; all if none is named. Each system in turn, in one run. Prints tables, writes every
single figure to a JSON file, and removes the machines. With `--add`, the figures of
runs before, which it has, count too.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ..images import make_image
from ..lab import Lab, lab
from .figures import Figures, Took
from .idle import idle
from .systems import IMAGES, NAMES, System, systems
from .tables import tables
from .work import machine_killed, roll, start_and_destroy

FIGURES = Path("bench-peers.json")
PARTS: Mapping[str, Callable[[Lab, System], dict[str, Took]]] = {
    "start": start_and_destroy,
    "roll": roll,
    "failover": machine_killed,
}
IDLE = "idle"
ALL = (*PARTS, IDLE)


def main() -> None:
    """Measure, print, clean up."""
    arguments = _arguments()
    # Whoever is ended removes its machines too, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    figures = Figures.read(arguments.figures) if arguments.add else Figures()
    with tempfile.TemporaryDirectory() as folder, lab(Path(folder)) as made:
        for image, program in IMAGES.items():
            make_image(made, image, program)
        for part in arguments.parts or ALL:
            for _ in range(arguments.repetitions if part != IDLE else 1):
                for system in systems(made, arguments.systems):
                    _measure(part, made, system, figures)
                    figures.write(arguments.figures)
    sys.stdout.write(tables(figures))


def _measure(part: str, lab: Lab, system: System, figures: Figures) -> None:
    if part == IDLE:
        figures.add_idle(system.name, idle(lab, system))
        return
    took = PARTS[part](lab, system)
    figures.add_work(system.name, took)
    sys.stdout.write(f"{system.name}: {took}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.peers")
    # Not `choices`: argparse would take "none named" for a wrong one.
    parser.add_argument("parts", nargs="*", type=_part, metavar="PART")
    parser.add_argument("--systems", nargs="+", choices=NAMES, default=NAMES, help="in this order")
    parser.add_argument("--repetitions", type=int, default=3, help="of each measurement")
    parser.add_argument("--figures", type=Path, default=FIGURES, help="the JSON file")
    parser.add_argument("--add", action="store_true", help="keep the figures that it has")
    return parser.parse_args()


def _part(given: str) -> str:
    if given not in ALL:
        allowed = ", ".join(ALL)
        raise argparse.ArgumentTypeError(f"{given!r} is no part; allowed: {allowed}")
    return given


if __name__ == "__main__":
    main()
