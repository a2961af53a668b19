"""A lost leader, step by step: `unshare --net python -m bench.lost_leader` (as root).

Three machines, each a network namespace with a member of etcd and a light fleetd. The one that
leads etcd and fleet is killed, as by `docker kill`: its processes first, then its link. With
`--silent` its link goes first, as where the power fails: nobody is told that its connections have
ended. Prints the seconds from there to each step, and a line for each kill.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from fleet_cluster._etcd_release import VERSION, etcd_archive
from fleet_cluster.fleet.etcd.client import Etcd, connect
from fleet_cluster.fleet.etcd_configuration import EtcdSettings
from fleet_cluster.fleet.kv import Changes, Delete, Put
from fleet_cluster.fleet.model.keys import (
    LEADER,
    MACHINES,
    ROOT,
    SCHEDULE,
    STATES,
    UNITS,
    file_key,
    machine_key,
    split_key,
    unit_key,
)
from fleet_cluster.fleet.model.records import DesiredState, Unit, UnitState
from fleet_cluster.fleet.setup.etcd_release import unpack
from fleet_cluster.fleet.unitfiles.text import sha_of
from fleet_cluster.images import own_processor

from . import tables
from .namespaces import LIMIT_SECONDS, NUMBERS, Machine, Settings, make_bridge, wait

TEXT = "[Service]\nExecStart=/bin/sleep infinity\n"
NAMES = [f"sleep-{number}.service" for number in range(6)]
ETCD, LEASE, FLEET, ASSIGNED, RUN = STEPS = (
    "etcd has another leader",
    "the machine's lease has ended",
    "fleet has another leader",
    "all its units are assigned elsewhere",
    "all are told to run there",
)


class Observer:
    """An observer of etcd, through the machines that are left."""

    def __init__(self, rest: Sequence[Machine], lost: Machine) -> None:
        self.at: dict[str, float] = {}
        """When each step but the first was: seconds since 1970."""
        self._lost = lost.id
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._assigned: set[str] = set()
        self._running: set[str] = set()
        self._stores = [connect([machine.endpoint]) for machine in rest]
        known = self._stores[0].read(ROOT)
        self._units = {unit for key in known.entries if (unit := self._unit(key, SCHEDULE, True))}
        if not self._units:
            sys.exit("the machine that is to be killed has no units")
        for store in self._stores:
            store.watch(ROOT, known.revision, self._on_changes, self._done.set)

    def _unit(self, key: str, prefix: str, is_lost: bool = False) -> str:
        """The unit of a key of the lost machine, or of another; empty if it is none of those."""
        machine, unit = split_key(key, prefix) if key.startswith(prefix) else ("", "")
        return unit if (machine == self._lost) is is_lost else ""

    def _on_changes(self, changes: Changes) -> None:
        with self._lock:
            if machine_key(self._lost) in changes.deletes:
                self._note(LEASE)
            for key, entry in changes.puts.items():
                self._take(key, entry.value)
            if self._assigned == self._units:
                self._note(ASSIGNED)
            if self._running == self._units:
                self._note(RUN)
                self._done.set()

    def _take(self, key: str, value: str) -> None:
        if key == LEADER and value != self._lost:
            self._note(FLEET)
        self._assigned |= self._units & {self._unit(key, SCHEDULE)}
        if key.startswith(STATES) and UnitState.from_json(value).active == "active":
            self._running |= self._units & {self._unit(key, STATES)}

    def _note(self, step: str) -> None:
        self.at.setdefault(step, time.time())

    def wait(self) -> dict[str, float]:
        """Until all units run: when each step was."""
        self._done.wait(LIMIT_SECONDS)
        for store in self._stores:
            store.close()
        if missing := set(STEPS[1:]) - self.at.keys():
            sys.exit(f"never seen: {', '.join(missing)}")
        return self.at


def lose(machines: Sequence[Machine], lease: int, silent: bool) -> dict[str, float]:
    """Kill the leader of etcd and fleet, and start it again: the seconds to each of STEPS."""
    store = connect([machine.endpoint for machine in machines])
    settle(machines, store)
    lost = leader(machines, store)
    store.close()
    time.sleep(lease * (1.2 + random.random() / 3))  # All are steady, in any phase of a renewal.
    rest = [machine for machine in machines if machine is not lost]
    observer, sizes = Observer(rest, lost), [one.etcd_log.stat().st_size for one in rest]
    killed_at = lost.kill(silent)
    at = observer.wait()
    at[ETCD] = max(elected_at(one.etcd_log, size) for one, size in zip(rest, sizes, strict=True))
    lost.start()
    return {step: at[step] - killed_at for step in STEPS}


def settle(machines: Sequence[Machine], store: Etcd) -> None:
    """Wait until all are well, and give them all units anew, so that each has some."""
    wait("members that have a leader", lambda: all(one.leader() for one in machines))
    wait("the machines", lambda: len(store.read(MACHINES).entries) == len(machines))
    if known := store.read(UNITS).entries:
        store.commit([Delete(key) for key in known])
    wait("no units", lambda: not store.read(STATES).entries)
    sha = sha_of(TEXT)
    unit = Unit(sha, DesiredState.LAUNCHED).to_json()
    store.commit([Put(file_key(sha), TEXT), *(Put(unit_key(name), unit) for name in NAMES)])
    wait("the units", lambda: len(store.read(STATES).entries) == len(NAMES))


def leader(machines: Sequence[Machine], store: Etcd) -> Machine:
    """The machine that leads fleet, which is made to lead etcd too."""
    wait("a leader", lambda: LEADER in store.read(LEADER).entries)
    id = store.read(LEADER).entries[LEADER].value
    chosen = next(machine for machine in machines if machine.id == id)
    member = chosen.member()
    for machine in machines:
        if machine is not chosen and machine.leader() == machine.member():
            machine.ask("transfer-leadership", targetID=member)
    wait("it to lead etcd", lambda: all(one.leader() == member for one in machines))
    return chosen


def elected_at(log: Path, begin: int) -> float:
    """When its member became leader, by its log from there on; 0 if it did not."""
    with log.open("rb") as stream:
        stream.seek(begin)
        entries = [json.loads(line) for line in stream if b"became leader at term" in line]
    times = [datetime.fromisoformat(entry["ts"]).timestamp() for entry in entries]
    return max(times, default=0.0)


def _table(took: Sequence[dict[str, float]]) -> str:
    rows: list[Sequence[str]] = []
    for step in STEPS:
        seconds = [one[step] for one in took]
        middle, low, high = statistics.median(seconds), min(seconds), max(seconds)
        rows.append((step, f"{middle:.2f} ({low:.2f} to {high:.2f})"))
    return tables.table(("", "Seconds"), rows)


def _parsed() -> argparse.Namespace:
    usual = EtcdSettings()
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.lost_leader")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--lease", type=int, default=10, help="seconds")
    parser.add_argument("--heartbeat", type=int, default=usual.heartbeat_interval, help="ms")
    parser.add_argument("--election", type=int, default=usual.election_timeout, help="ms")
    parser.add_argument("--silent", action="store_true", help="the link goes before the processes")
    return parser.parse_args()


def main() -> None:
    """Measure, and print a table."""
    given = _parsed()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        unpack(etcd_archive(own_processor()), VERSION, folder, ["etcd"])
        settings = Settings(folder / "etcd", folder, given.heartbeat, given.election, given.lease)
        machines = [Machine(number, settings) for number in NUMBERS]
        bridge = make_bridge()
        for machine in machines:
            machine.make(bridge)
            stack.callback(machine.remove)
        for machine in machines:
            machine.start()
        took = list[dict[str, float]]()
        for _ in range(given.kills):
            took.append(lose(machines, given.lease, given.silent))
            print(*(f"{took[-1][step]:.2f}" for step in STEPS), file=sys.stderr, flush=True)
    sys.stdout.write(_table(took))


if __name__ == "__main__":
    main()
