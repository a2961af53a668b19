"""How fleet and etcd bear hundreds of machines: `python -m bench.scale 50 100 200 400`.

A real etcd of three members with certificates and roles, light fleetds (`bench.crowd`), all on
loopback. What each operation takes and costs goes to `bench-scale.json`; sizes that are measured
another time are added there, and the table is of all.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from .etcd import cluster
from .machines import Machines
from .operations import Operations
from .table import Figures, text
from .usage import Usage

SIZES = (50, 100, 200, 400)
RESULTS = Path("bench-scale.json")
MEMORY = Path("/dev/shm")
"""Where machines' small files are in memory, as on machines (/run)."""


def measure(count: int, only: list[str]) -> Iterator[tuple[str, Usage]]:
    """The usage of each operation with so many machines, all or those that begin so."""
    where = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where) as name, cluster(Path(name), count) as made:
        machines = Machines(count, made.endpoints, made.folder)
        operations = Operations(made, machines, Path(name))
        try:
            operations.begin()
            for what, run in operations.all().items():
                if not only or what.startswith(tuple(only)):
                    print(f"{count} machines: {what}", file=sys.stderr)
                    yield what, run()
        finally:
            machines.stop()


def main() -> None:
    """Measure, note, and print the table of all that is known."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.scale")
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="how many machines")
    parser.add_argument("--only", action="append", default=[], help="operations that begin so")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where figures are kept")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Nothing is to be left behind.
    known: Figures = json.loads(arguments.results.read_text()) if arguments.results.exists() else {}
    for count in arguments.sizes:
        for what, used in measure(count, arguments.only):
            known.setdefault(str(count), {})[what] = asdict(used)
            arguments.results.write_text(json.dumps(known, indent=1))
    sys.stdout.write(text(known, os.cpu_count() or 1))


if __name__ == "__main__":
    main()
