"""A crowd of light fleetds in one process: real but for systemd and the disk, which are in memory.

`python -m bench.crowd ENDPOINTS FIRST COUNT [FOLDER]`: machines FIRST to FIRST + COUNT - 1, until
standard input ends. The folder has one of each machine, with its certificates; what outlives fleetd
on a machine is kept there, so that the same crowd can be started again.
"""

import logging
import os
import pickle
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from fleet_cluster.fleet.config import WORKER_CERT, Config
from fleet_cluster.fleet.etcd.client import connect
from fleet_cluster.fleet.fleetd.environment import Environment
from fleet_cluster.fleet.fleetd.loop import Fleetd
from fleet_cluster.fleet.fleetd.process import run
from fleet_cluster.fleet.model.records import MachineState
from fleet_cluster.fleet.state_file import DiskFile, StateFile
from tests.unit.fleet.fakes.clock import MemoryFile
from tests.unit.fleet.fakes.systemd import FakeSystemd

FLEETS_CERT = "fleet.crt"
LEASE, CHECKPOINT, SYSTEMD = KEPT = "lease.json", "agent.json", "systemd.pickle"
"""Files of a machine's folder that outlive its fleetd, but not its boot."""


class PromptSystemd(FakeSystemd):
    """systemd in memory that does its jobs when it is given them, and outlives its fleetd."""

    def start(self, names: Iterable[str]) -> dict[str, str]:
        """Start units now."""
        return self._worked(super().start(names))

    def stop(self, names: Iterable[str]) -> dict[str, str]:
        """Stop units now."""
        return self._worked(super().stop(names))

    def restart(self, names: Iterable[str]) -> dict[str, str]:
        """Restart units now."""
        return self._worked(super().restart(names))

    def save(self, path: Path) -> None:
        """Note what there is, for the next process."""
        path.write_bytes(pickle.dumps((self.disk, self._units)))

    def load(self, path: Path) -> None:
        """Have what the process before had noted, if there was one."""
        if path.exists():
            self.disk, self._units = pickle.loads(path.read_bytes())

    def _worked(self, refused: dict[str, str]) -> dict[str, str]:
        self.work()
        return refused


def machine_id(number: int) -> str:
    """The id of the machine of this number."""
    return f"{number:032x}"


def address_of(number: int, endpoints: list[str], folder: Path | None) -> str:
    """The address of a machine: the first have etcd's members, where they have certificates."""
    if folder and number <= len(endpoints):
        return endpoints[number - 1].rpartition(":")[0]
    return f"10.0.{number // 250}.{number % 250 + 1}"


def settings_of(number: int, endpoints: list[str], folder: Path | None) -> Config:
    """The settings of a machine, with its certificates if it has a folder."""
    address = address_of(number, endpoints, folder)
    if folder is None:
        return Config(tuple(endpoints), public_ip=address)
    cert = folder / (FLEETS_CERT if number <= len(endpoints) else WORKER_CERT)
    own = cert, cert.with_suffix(".key")
    return Config(tuple(endpoints), address, {}, 10, 60.0, 72, "", "", folder / "ca.crt", *own)


def begin(number: int, endpoints: list[str], folder: Path | None) -> PromptSystemd:
    """Run the fleetd of a machine, in threads of its own; its systemd."""
    settings = settings_of(number, endpoints, folder)
    wake, systemd = threading.Event(), PromptSystemd(time.time)
    files: list[StateFile] = [MemoryFile(), MemoryFile()]
    if folder:
        files = [DiskFile(folder / LEASE), DiskFile(folder / CHECKPOINT)]
        systemd.load(folder / SYSTEMD)
    store = connect(
        settings.endpoints,
        settings.ca_file,
        settings.cert_file,
        settings.key_file,
        here=settings.public_ip,
    )
    environment = Environment(store, systemd, time.monotonic, files[0], files[1], wake.set)
    name = f"machine-{number}"
    machine = MachineState(machine_id(number), settings.public_ip, name, version="bench")
    fleetd = Fleetd(machine, settings, environment)
    threading.Thread(target=run, args=(fleetd, systemd, wake), daemon=True).start()
    return systemd


def main() -> None:
    """Begin them all, and wait."""
    logging.disable(logging.CRITICAL)
    endpoints, first, count = sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3])
    folder = Path(sys.argv[4]) if sys.argv[4:] else None
    all_folders = {n: folder and folder / f"machine-{n}" for n in range(first, first + count)}
    running = {number: begin(number, endpoints, own) for number, own in all_folders.items()}
    sys.stdin.read()
    for number, own in all_folders.items():
        if own:
            running[number].save(own / SYSTEMD)
    os._exit(0)  # Threads may be waiting for an etcd that has gone.


if __name__ == "__main__":
    main()
