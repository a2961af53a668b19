"""What is done to a cluster of a size, and what it costs: an operation each."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fleet_cluster.fleet.unitfiles.text import sha_of

from . import usage
from .etcd import Cluster
from .machines import LOST, PROGRAM, Machines
from .observer import Observer
from .usage import ETCD, FLEETD, Usage

UNITS_EACH = 10
ROLLED = 200
"""So many instances has the template that is rolled."""
AT_ONCE = 20
"""Of which so many may be down at a time."""
IDLE_SECONDS = 60.0
SETTLE_SECONDS = 3.0
"""After each operation, for what still follows it."""
FIRST = f"{1:032x}"
"""The id of the machine that is to lead."""
SLEEP, WEB, PROBE = "sleep@.service", "web@.service", "probe.service"
FILES = {
    SLEEP: "[Service]\nExecStart=/bin/sleep infinity\n",
    WEB: "[Service]\nExecStart=/bin/sleep 1001\n",
    PROBE: "[Service]\nExecStart=/bin/sleep 1002\n[X-Fleet]\nGlobal=true\n",
}
ANOTHER_WEB = FILES[WEB].replace("1001", "2002")


class Operations:
    """The operations on one cluster, in their order."""

    def __init__(self, cluster: Cluster, machines: Machines, folder: Path) -> None:
        """`folder`: for the unit files."""
        self._cluster = cluster
        self._machines = machines
        self._folder = folder
        self._observer = Observer(cluster.connect())
        self._web = FILES[WEB]
        rolled = min(ROLLED, machines.count * UNITS_EACH // 2)
        self._units = {
            WEB: [f"web@{n}.service" for n in range(rolled)],
            SLEEP: [f"sleep@{n}.service" for n in range(machines.count * UNITS_EACH - rolled)],
        }
        for name, text in FILES.items():
            (folder / name).write_text(text)

    @property
    def units(self) -> int:
        """How many there are."""
        return sum(map(len, self._units.values()))

    def begin(self) -> None:
        """Start all machines, first the one that is to lead."""
        self._machines.start()
        self._wait_for_all_machines()
        time.sleep(SETTLE_SECONDS)

    def all(self) -> Mapping[str, Callable[[], Usage]]:
        """The operations by name."""
        return {
            "start all": lambda: self._measured(self._start),
            "idle": lambda: self._measured(lambda: time.sleep(IDLE_SECONDS)),
            "roll a template": lambda: self._measured(self._roll),
            "restart all fleetds": lambda: self._probed(self._restart_fleetds, FLEETD),
            "restart etcd's members": lambda: self._probed(self._restart_etcd, ETCD),
            "lose a tenth of the machines": self._lost,
            "destroy all": lambda: self._measured(self._destroy),
        }

    def _measured(self, operation: Callable[[], None], anew: str = "") -> Usage:
        self._observer.have_lead(FIRST)
        usage.begin(self._pids())
        before = self._read()
        operation()
        found = usage.between(before, self._read(), self._pids(), anew)
        if self._observer.leader() != FIRST:
            print("another machine leads now: not all of its time is told", file=sys.stderr)
        time.sleep(SETTLE_SECONDS)
        return found

    def _probed(self, operation: Callable[[], None], anew: str) -> Usage:
        found = self._measured(operation, anew)
        self._fleetctl("destroy", PROBE)
        time.sleep(SETTLE_SECONDS)
        return found

    def _read(self) -> usage.Reading:
        addresses = self._cluster.etcd.addresses.items()
        urls = {name: f"http://{address}:2381/metrics" for name, address in addresses}
        return usage.read(self._pids(), urls)

    def _pids(self) -> dict[str, int]:
        etcd = {f"{ETCD} {name}": pid for name, pid in self._cluster.pids().items()}
        return {**etcd, **self._machines.pids()}

    def _start(self) -> None:
        self._fleetctl("start", "--no-block", *self._all_units())
        self._wait_for_all_units()

    def _roll(self) -> None:
        self._web = ANOTHER_WEB
        (self._folder / WEB).write_text(self._web)
        self._fleetctl("rollout", f"--max-unavailable={AT_ONCE}", f"./{WEB}")
        self._wait_for_all_units()

    def _restart_fleetds(self) -> None:
        self._machines.stop()
        self._machines.start()
        self._probe()

    def _restart_etcd(self) -> None:
        self._cluster.restart_members()
        self._probe()

    def _probe(self) -> None:
        """See that every machine does what it is told, by a unit that is to run on all."""
        self._fleetctl("start", "--no-block", f"./{PROBE}")
        sha = sha_of(FILES[PROBE])
        self._observer.until(
            "all machines to follow",
            lambda: self._observer.active(PROBE, sha) == self._machines.count,
        )

    def _lost(self) -> Usage:
        found = self._measured(self._lose)
        self._machines.start()
        self._wait_for_all_machines()
        return found

    def _lose(self) -> None:
        self._machines.lose()
        left = self._machines.count - self._machines.shares[LOST].count
        self._observer.until("machines to be lost", lambda: self._observer.machines() == left)
        self._wait_for_all_units()

    def _destroy(self) -> None:
        self._fleetctl("destroy", *self._all_units())
        self._observer.until("no states", lambda: not self._observer.states())

    def _wait_for_all_machines(self) -> None:
        all_of_them = self._machines.count
        self._observer.until("all machines", lambda: self._observer.machines() == all_of_them)

    def _wait_for_all_units(self) -> None:
        wanted = {(SLEEP, sha_of(FILES[SLEEP])): SLEEP, (WEB, sha_of(self._web)): WEB}
        self._observer.until(
            "all units",
            lambda: all(
                self._observer.active(*one) == len(self._units[template])
                for one, template in wanted.items()
            ),
        )

    def _all_units(self) -> Sequence[str]:
        return [unit for units in self._units.values() for unit in units]

    def _fleetctl(self, *words: str) -> None:
        own = self._cluster.certificates
        subprocess.run(
            [
                *PROGRAM,
                "fleet_cluster.fleet.fleetctl.__main__",
                f"--endpoint={self._cluster.endpoints[-1]}",
                f"--ca-file={own.ca}",
                f"--cert-file={own.cert}",
                f"--key-file={own.key}",
                *words,
            ],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            stdout=subprocess.DEVNULL,
            check=True,
        )
