"""What the leader's decisions cost: `python -m bench.scale.decisions`, on any computer.

The leader alone, with etcd in memory; machines report by hand. Milliseconds of processor time, so
that other work on the computer counts for little. To compare with another version, run both.
"""

import logging
import sys
import time
from collections.abc import Iterator, Sequence

from bench import as_on_machines

as_on_machines.leave_out_pulumi()

from bench.tables import table  # noqa: E402
from fleet_cluster.fleet.kv import Put  # noqa: E402
from fleet_cluster.fleet.model.keys import file_key, unit_key  # noqa: E402
from fleet_cluster.fleet.model.records import DesiredState, Unit, UnitState  # noqa: E402
from fleet_cluster.fleet.unitfiles.text import sha_of  # noqa: E402
from tests.unit.fleet.engine.leading import Cluster  # noqa: E402
from tests.unit.fleet.fakes.units import SLEEPS  # noqa: E402

SIZES = (50, 100, 200, 400)
UNITS_EACH, IN_ONE_TRANSACTION, ROLLED, AT_ONCE = 10, 100, 200, 20
ROUNDS = 8
"""More than the leader needs until nothing is left to do."""
ANOTHER = f"{SLEEPS}# another\n"


def _rounds(cluster: Cluster, count: int = ROUNDS, *, full: bool = False) -> float:
    """Milliseconds of some rounds of the leader."""
    began = time.process_time()
    for _ in range(count):
        cluster.act(full=full)
    return (time.process_time() - began) * 1000


def _start(cluster: Cluster, units: int) -> Iterator[float]:
    """The units come as fleetctl writes them; the leader looks after each few transactions."""
    for first in range(0, units, IN_ONE_TRANSACTION):
        cluster.want_many(first, min(units, first + IN_ONE_TRANSACTION))
        if first // IN_ONE_TRANSACTION % 4 == 3:
            yield _rounds(cluster)
    yield _rounds(cluster)
    for unit, machine in cluster.homes().items():
        cluster.report(machine, unit)
    yield _rounds(cluster)


def _roll(cluster: Cluster) -> Iterator[float]:
    """Some units get another file, a few at a time: each of them stops and is started."""
    sha, homes = sha_of(ANOTHER), cluster.homes()
    cluster.store.put(file_key(sha), ANOTHER)
    wanted = Unit(sha, DesiredState.LAUNCHED).to_json()
    for first in range(0, ROLLED, AT_ONCE):
        batch = [f"web@{number}.service" for number in range(first, first + AT_ONCE)]
        cluster.store.commit([Put(unit_key(unit), wanted) for unit in batch])
        yield _rounds(cluster, 2)
        for active in ("inactive", "active"):
            for unit in batch:
                cluster.report_state(homes[unit], unit, UnitState("loaded", active, "", sha))
            yield _rounds(cluster, 1)


def measure(machines: int) -> Sequence[float]:
    """Milliseconds to start all units, to roll some, and to look at all when nothing is new."""
    cluster = Cluster([f"{number:032x}" for number in range(machines)])
    started, rolled = sum(_start(cluster, machines * UNITS_EACH)), sum(_roll(cluster))
    return started, rolled, _rounds(cluster, 1, full=True)


def main() -> None:
    """Print a line for each size."""
    logging.disable(logging.CRITICAL)
    rows = [(f"{size}", *(f"{one:.0f}" for one in measure(size))) for size in SIZES]
    header = ("machines", "start all, ms", f"roll {ROLLED}, ms", "look at all, ms")
    sys.stdout.write(table(header, rows))


if __name__ == "__main__":
    main()
