"""A light fleetd in a process of its own: real but for systemd and the disk, which are in memory.

`python -m bench.light_fleetd ADDRESS NUMBER LEASE ENDPOINT...`, until it is killed. As on machines,
it asks the member of etcd at its own address first.
"""

import logging
import sys
import threading
import time

from bench.crowd import PromptSystemd, machine_id
from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.etcd.client import connect
from fleet_cluster.fleet.fleetd.environment import Environment
from fleet_cluster.fleet.fleetd.loop import Fleetd
from fleet_cluster.fleet.fleetd.process import run
from fleet_cluster.fleet.model.records import MachineState
from tests.unit.fleet.fakes.clock import MemoryFile


def main() -> None:
    """Run it."""
    logging.basicConfig(level=logging.INFO, format="%(created).3f %(name)s %(message)s")
    address, number, lease, *endpoints = sys.argv[1:]
    wake, systemd = threading.Event(), PromptSystemd(time.time)
    environment = Environment(
        store=connect(endpoints, here=address),
        systemd=systemd,
        clock=time.monotonic,
        lease_file=MemoryFile(),
        checkpoint_file=MemoryFile(),
        wake=wake.set,
    )
    id, name = machine_id(int(number)), f"machine-{number}"
    machine = MachineState(id, address, name, version="bench")
    settings = Config(tuple(endpoints), public_ip=address, agent_ttl=int(lease))
    run(Fleetd(machine, settings, environment), systemd, wake)


if __name__ == "__main__":
    main()
