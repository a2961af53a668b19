"""A crowd of light fleetds in one process: real but for systemd and the disk, which are in memory.

`python -m bench.crowd ENDPOINT FIRST COUNT`: machines FIRST to FIRST + COUNT - 1, until standard
input ends.
"""

import logging
import os
import sys
import threading
import time

from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.etcd.client import connect
from fleet_cluster.fleet.fleetd.environment import Environment
from fleet_cluster.fleet.fleetd.loop import Fleetd
from fleet_cluster.fleet.fleetd.process import run
from fleet_cluster.fleet.model.records import MachineState
from tests.unit.fleet.fakes.clock import MemoryFile
from tests.unit.fleet.fakes.systemd import FakeSystemd


def begin(endpoint: str, number: int) -> None:
    """Run the fleetd of a machine, in threads of its own."""
    wake, systemd = threading.Event(), FakeSystemd(time.time)
    environment = Environment(
        store=connect([endpoint]),
        systemd=systemd,
        clock=time.monotonic,
        lease_file=MemoryFile(),
        checkpoint_file=MemoryFile(),
        wake=wake.set,
    )
    address = f"10.0.{number // 250}.{number % 250 + 1}"
    machine = MachineState(f"{number:032x}", address, f"machine-{number}", version="bench")
    fleetd = Fleetd(machine, Config((endpoint,), public_ip=address), environment)
    threading.Thread(target=run, args=(fleetd, systemd, wake), daemon=True).start()


def main() -> None:
    """Begin them all, and wait."""
    logging.disable(logging.CRITICAL)
    endpoint, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for number in range(first, first + count):
        begin(endpoint, number)
    sys.stdin.read()
    os._exit(0)  # Threads may be waiting for an etcd that has gone.


if __name__ == "__main__":
    main()
