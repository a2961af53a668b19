"""A cluster in memory: real fleetds over a store, systemds and a clock that a test drives."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from components.fleet.config import Config
from components.fleet.daemon.fleetd import Fleetd, Surroundings
from components.fleet.etcd.watching import LIVENESS_SECONDS
from components.fleet.model import (
    SCHEDULE,
    STATES,
    Assignment,
    Machine,
    Target,
    Unit,
    UnitState,
    file_key,
    machine_key,
    schedule_key,
    sha_of,
    split_key,
    unit_key,
)
from components.fleet.store import Changes, Delete, Put, Snapshot, StoreUnavailableError

from ..fakes import FakeClock, FakeSystemd, Line, MemoryFile, MemoryStore

TTL = 10
TICK = 0.25


class KilledError(BaseException):
    """fleetd's process ends here. No `except Exception` sees it."""


@dataclass
class Node:
    """One machine: what survives its fleetd, and the fleetd."""

    id: str
    world: "World"
    fleetd: Fleetd | None = None
    on: bool = True
    """Whether the machine has power."""
    kill_in: int = 0
    """fleetd is killed at this many gates from now; 0: not."""
    fail_in: int = 0
    """The store's answer is lost at this many of its gates from now; 0: not."""
    pause_in: int = 0
    """fleetd stands still at this many gates from now, while the others go on; 0: not."""
    pause_ticks: int = 0
    """For how many ticks it then stands still."""
    paused: bool = False
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    renew_at: float = 0.0
    step_at: float = 0.0
    restart_at: float = 0.0
    gates: int = 0
    """How many gates have been passed since fleetd was made."""
    woken: bool = True
    lagging_for: float = 0.0
    """For how many seconds its watches have kept back what they know."""
    unannounced_for: float = 0.0
    """For how many seconds the store has not had the machine's key."""

    def __post_init__(self) -> None:
        self.systemd = FakeSystemd(self.world.clock, self._gate)
        self.systemd.on_start = lambda name: self.world.watcher.started(self, name)
        self.systemd.on_stop = lambda name: self.world.watcher.stopped(self, name)
        self.line = Line(self.world.store, self._store_gate)
        self.lease_file = MemoryFile(self._gate)
        self.ledger_file = MemoryFile(self._gate)

    def turn(self) -> None:
        """Do what is due now."""
        if not self.on or self.paused:
            return
        try:
            if self.fleetd is None and self.world.clock() >= self.restart_at:
                self._boot_fleetd()
            if self.fleetd:
                self._run(self.fleetd)
        except KilledError:
            self.kill()

    def knows_the_store(self) -> bool:
        """Whether its fleetd has written down which store it follows."""
        text = self.ledger_file.text
        return bool(text) and '"cluster": ""' not in text

    def kill(self) -> None:
        """End fleetd's process; systemd starts it again soon."""
        self.fleetd = None
        self.kill_in = 0
        self.line.hang_up()
        self.restart_at = self.world.clock() + TICK

    def relabel(self, role: str) -> None:
        """Give the machine another role; units that asked for the old one have to go."""
        self.metadata = {"role": role}
        for unit, (text, _) in self.world.wanted.items():
            if "role=" in text:
                self.world.watcher.told(unit)
        self.kill()

    def power_off(self) -> None:
        """The machine is gone until `power_on`."""
        self.kill()
        self.on = False
        self.systemd.reboot()
        self.lease_file.text = self.ledger_file.text = ""

    def power_on(self) -> None:
        """Boot. A machine without a past cannot tell that the store is older than it should be."""
        self.on = True
        if self.world.clock() - self.world.restored_at < 2 * TTL:
            self.world.watcher.all_told()

    def _boot_fleetd(self) -> None:
        self.gates = 0
        self.renew_at = self.step_at = 0.0
        around = Surroundings(
            store=self.line,
            systemd=self.systemd,
            clock=self.world.clock,
            lease_file=self.lease_file,
            ledger_file=self.ledger_file,
            wake=self._wake,
            wall_clock=lambda: 0.0,  # What people read is the same in every history.
        )
        settings = Config(endpoints=("x",), agent_ttl=TTL, reconcile_interval=3600)
        self.fleetd = Fleetd(self._machine(), settings, around)

    def _machine(self) -> Machine:
        return Machine(self.id, f"10.0.0.{self.id[-1]}", self.id, self.metadata, "test")

    def _run(self, fleetd: Fleetd) -> None:
        if self.world.clock() >= self.renew_at or fleetd.session.hurry.is_set():
            self._renew(fleetd)
        if self.woken or self.world.clock() >= self.step_at:
            self.woken = False
            self.step_at = self.world.clock() + fleetd.step()

    def _renew(self, fleetd: Fleetd) -> None:
        fleetd.session.hurry.clear()
        self.renew_at = self.world.clock() + TTL / 3
        try:
            fleetd.session.renew()
        except StoreUnavailableError:
            self.renew_at = self.world.clock() + TICK

    def _wake(self) -> None:
        self.woken = True

    def _gate(self, _point: str) -> None:
        self.gates += 1
        if self.kill_in:
            self.kill_in -= 1
            if not self.kill_in:
                raise KilledError
        if self.pause_in and not self.world.is_paused:
            self.pause_in -= 1
            if not self.pause_in:
                self._pause()

    def _pause(self) -> None:
        self.paused = self.world.is_paused = True
        for _ in range(self.pause_ticks):
            self.world.tick()
        self.paused = self.world.is_paused = False
        if not self.on or self.fleetd is None:
            raise KilledError

    def _store_gate(self, point: str) -> None:
        self._gate(point)
        if self.fail_in:
            self.fail_in -= 1
            if not self.fail_in:
                raise StoreUnavailableError(f"lost {point}")


@dataclass
class Run:
    """A unit's process that is up on a machine."""

    node: str
    unit: str
    sha: str
    lease: int
    """The machine's lease when it was started; 0 when it had none."""


@dataclass
class Watcher:
    """Sees everything that happens and complains of what must not."""

    world: "World"
    runs: dict[tuple[str, str], Run] = field(default_factory=dict[tuple[str, str], Run])
    permitted: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """(machine, unit) that may be stopped: told by the user, or the machine was cut off."""
    lived: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """(machine, unit) to the file that was started there since it was last told anything."""
    violations: list[str] = field(default_factory=list[str])

    def started(self, node: Node, unit: str) -> None:
        """A unit's process starts."""
        sha = sha_of(node.systemd.disk.get(unit, ""))
        run = Run(node.id, unit, sha, self.world.lease_of(node.id))
        for other in self.runs.values():
            if other.unit == unit and other.node != node.id and self._both_alive(run, other):
                self._complain(f"{unit} starts on {node.id} while it runs on {other.node}")
        if self.lived.get((node.id, unit)) == sha:
            self._complain(f"{unit} is started a second time on {node.id}")
        self.lived[node.id, unit] = sha
        self.runs[node.id, unit] = run
        if self.world.is_told(node.id, unit, sha):
            self.permitted.discard((node.id, unit))

    def stopped(self, node: Node, unit: str) -> None:
        """A unit's process ends."""
        self.runs.pop((node.id, unit), None)
        doubled = self._is_elsewhere(node.id, unit)
        text = node.systemd.disk.get(unit, "")
        unfit = "role=" in text and f"role={node.metadata.get('role')}" not in text
        if doubled or unfit or (node.id, unit) in self.permitted or not node.on:
            self.lived.pop((node.id, unit), None)
        else:
            self._complain(f"{unit} is stopped on {node.id} without an instruction")

    def told(self, unit: str) -> None:
        """The user changes what is wanted of a unit."""
        for node in self.world.nodes:
            self.permit(node.id, unit)

    def all_told(self) -> None:
        """Any unit may be stopped."""
        for unit in self.world.names:
            self.told(unit)

    def cut_off(self, machine: str) -> None:
        """The machine's lease has ended: what it runs may be moved, and started again there."""
        for unit in self.world.names:
            self.permit(machine, unit)

    def written(self, changes: Changes) -> None:
        """The leader may tell one of two machines that run the same unit to stop it."""
        for key, entry in changes.puts.items():
            if key.startswith(SCHEDULE):
                machine, unit = split_key(key, SCHEDULE)
                told = Assignment.from_json(entry.value).target
                if told is Target.INACTIVE and self._is_elsewhere(machine, unit):
                    self.permit(machine, unit)

    def permit(self, machine: str, unit: str) -> None:
        self.permitted.add((machine, unit))
        self.lived.pop((machine, unit), None)

    def _is_elsewhere(self, machine: str, unit: str) -> bool:
        return any(run.unit == unit and run.node != machine for run in self.runs.values())

    def _both_alive(self, one: Run, other: Run) -> bool:
        return one.lease in self.world.store.leases and other.lease in self.world.store.leases

    def _complain(self, what: str) -> None:
        self.violations.append(f"at {self.world.clock():.2f}: {what}")


class World:
    """Some machines and their store."""

    def __init__(self, machines: int, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.restored_at = 0.0
        self.is_paused = False
        """Whether a fleetd stands still between two of its steps."""
        self.names: set[str] = set()
        self.wanted: dict[str, tuple[str, Target]] = {}
        """What the user wants: unit to text and target."""
        self.watcher = Watcher(self)
        self.store.on_commit = self.watcher.written
        self.nodes = [Node(f"m{i}", self) for i in range(1, machines + 1)]

    def lease_of(self, machine: str) -> int:
        """The lease that the machine announces itself with."""
        entry = self.store.entries.get(machine_key(machine))
        return entry.lease if entry else 0

    def is_told(self, machine: str, unit: str, sha: str) -> bool:
        """Whether the user and the leader want this file to run there at this moment."""
        value = self.store.value(schedule_key(machine, unit))
        user = self.wanted.get(unit, ("", Target.INACTIVE))
        return (
            value is not None
            and Assignment.from_json(value) == Assignment(sha, Target.LAUNCHED)
            and (sha_of(user[0]), user[1]) == (sha, Target.LAUNCHED)
            and self.lease_of(machine) != 0
        )

    def want(self, unit: str, text: str, target: Target = Target.LAUNCHED) -> None:
        """The user submits a unit, or changes it."""
        self.names.add(unit)
        self.wanted[unit] = (text, target)
        self.watcher.told(unit)
        self.apply(unit)

    def apply(self, unit: str) -> None:
        """Write what is wanted of a unit to the store."""
        text, target = self.wanted[unit]
        record = Unit(sha_of(text), target)
        self.store.commit([Put(file_key(record.sha), text), Put(unit_key(unit), record.to_json())])

    def destroy(self, unit: str) -> None:
        """The user removes a unit."""
        self.wanted.pop(unit, None)
        self.watcher.told(unit)
        self.store.commit([Delete(unit_key(unit))])

    def wipe(self) -> None:
        """The store loses everything."""
        self.store.wipe()

    def restore(self, snapshot: Snapshot) -> None:
        """The store is put back to what it was: what it says of changed units is an instruction."""
        before = {u: self.store.value(unit_key(u)) for u in self.names}
        self.store.restore(snapshot)
        self.restored_at = self.clock()
        if any(node.on and not node.knows_the_store() for node in self.nodes):
            self.watcher.all_told()
        for unit in self.names:
            if self.store.value(unit_key(unit)) != before[unit]:
                self.watcher.told(unit)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass. Whether `until` became true."""
        end = self.clock() + seconds
        while self.clock() < end:
            if until():
                return True
            self.tick()
        return until()

    def tick(self) -> None:
        """A moment: everyone does what is due, in any order."""
        self.clock.advance(TICK)
        owners = {self.lease_of(node.id): node.id for node in self.nodes}
        for lease in self.store.tick():
            if lease in owners:
                self.watcher.cut_off(owners[lease])
        for node in self.nodes:
            node.lagging_for = node.lagging_for + TICK if node.line.lags else 0
            if node.lagging_for > 2 * LIVENESS_SECONDS:
                node.line.hang_up()
                node.line.catch_up()
            node.unannounced_for = 0 if self.lease_of(node.id) else node.unannounced_for + TICK
            if node.unannounced_for > TTL / 2:
                self.watcher.cut_off(node.id)
        for node in self.random.sample(self.nodes, len(self.nodes)):
            node.turn()
            if self.random.random() < 0.8:
                node.systemd.work()

    def settled(self) -> bool:
        """Whether the cluster is as the user wants it, and says so."""
        return not self.differences()

    def differences(self) -> list[str]:
        """What is not as it should be."""
        alive = {node.id: node for node in self.nodes if node.on}
        launched = {u: sha_of(x) for u, (x, t) in self.wanted.items() if t is Target.LAUNCHED}
        homes: dict[str, list[str]] = {unit: [] for unit in launched}
        found: list[str] = []
        for id, node in alive.items():
            for unit, sha in node.systemd.running().items():
                if launched.get(unit) != sha:
                    found.append(f"{unit} runs on {id} with {sha[:6]}")
                else:
                    homes[unit].append(id)
            if node.systemd.running().keys() - node.systemd.disk.keys():
                found.append(f"{id} runs something without its file")
        found += [f"{unit} runs on {ids}" for unit, ids in homes.items() if len(ids) != 1]
        return found + self._false_reports(homes)

    def _false_reports(self, homes: dict[str, list[str]]) -> list[str]:
        found: list[str] = []
        on = {node.id for node in self.nodes if node.on}
        for key, entry in self.store.entries.items():
            if key.startswith(SCHEDULE):
                machine, unit = split_key(key, SCHEDULE)
                assignment = Assignment.from_json(entry.value)
                right = unit in homes and homes[unit] == [machine]
                loaded = assignment.target is Target.LOADED
                if not right and not loaded:
                    found.append(f"{unit} is assigned to {machine}: {assignment.target}")
            elif key.startswith(STATES):
                machine, unit = split_key(key, STATES)
                state = UnitState.from_json(entry.value)
                node = next(node for node in self.nodes if node.id == machine)
                up = unit in node.systemd.running()
                if state.held or (state.active == "active") != up or machine not in on:
                    found.append(f"{unit} on {machine} is reported {state}")
        return found
