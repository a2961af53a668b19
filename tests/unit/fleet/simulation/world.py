"""A cluster in memory: real fleetds over a store, systemds and a clock that a test drives."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from fleet_cluster.fleet.kv import Delete, KeyValue, LeaseLostError, Put, Snapshot
from fleet_cluster.fleet.model.keys import (
    CLUSTER,
    ELIGIBILITY,
    INTERNAL,
    MOVES,
    SCHEDULE,
    STATES,
    eligibility_key,
    file_key,
    machine_key,
    move_key,
    schedule_key,
    split_key,
    unit_key,
)
from fleet_cluster.fleet.model.records import (
    Assignment,
    Cluster,
    DesiredState,
    Eligibility,
    Move,
    Unit,
    UnitState,
)
from fleet_cluster.fleet.model.service_records import ServiceRecord
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.kv import MemoryKV
from tests.unit.fleet.simulation.node import TICK, TTL, Node
from tests.unit.fleet.simulation.operator import Operator
from tests.unit.fleet.simulation.records import assignment_of, mark_of, move_of, state_of
from tests.unit.fleet.simulation.watcher import Watcher

SETTLING_SECONDS = 2 * TTL
"""Of quiet before a loss, so that its time can be held against the promise."""


@dataclass(frozen=True)
class Loss:
    """A machine that was lost while all else was well."""

    machine: str
    at: float
    units: frozenset[str]
    """What it ran that can run elsewhere."""


class World:
    """Some machines and their store."""

    def __init__(self, machines: int, seed: int = 0) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.clock = FakeClock()
        self.store = MemoryKV(self.clock)
        self.restored_at = 0.0
        self.is_paused = False
        """Whether a fleetd stands still between two of its steps."""
        self.names: set[str] = set()
        self.wanted: dict[str, tuple[str, DesiredState]] = {}
        """What the user wants: unit to text and target."""
        self.watcher = Watcher(self)
        self.operator = Operator(self)
        self.store.on_commit = self.watcher.written
        self.nodes = [Node(f"m{i}", self) for i in range(1, machines + 1)]
        self.ticks = 0
        self.ttl = float(TTL)
        self.snapshot: Snapshot | None = None
        """What an operator has saved of the store."""
        self.outage_ends = 0
        """The tick at which the store has a majority again."""
        self.stirred_at = self.clock()
        """When something last happened that was not promised to go unnoticed."""
        self.lone_loss: Loss | None = None
        self.on_tick: Callable[[], None] = lambda: None
        self._began = self.clock()
        self._agenda: list[tuple[int, Callable[[], None]]] = []
        self._generation = 0

    def node(self, name: str) -> Node:
        """The machine with this name, or with this id."""
        return next(node for node in self.nodes if node.name == name.partition(".")[0])

    def since_start(self) -> float:
        """Seconds since the history began."""
        return self.since(self.clock())

    def since(self, moment: float) -> float:
        """A moment, in seconds since the history began."""
        return moment - self._began

    def later(self, ticks: int, action: Callable[[], None]) -> None:
        """Let something happen so many ticks from now."""
        self._agenda.append((self.ticks + ticks, action))

    def of_this_store(self, commit: Callable[[], object]) -> Callable[[], None]:
        """A commit that is done only if the store is still the one that it was sent to."""
        generation = self._generation

        def do() -> None:
            if generation == self._generation:
                with suppress(LeaseLostError):  # Nobody waits for the answer any more.
                    commit()

        return do

    def stir(self) -> None:
        """Something has happened. Only for the loss of a machine is a time promised."""
        self.stirred_at = self.clock()
        if self.lone_loss and self.lone_loss.at != self.clock():
            self.lone_loss = None

    def note_loss(self, node: Node) -> None:
        """A machine is about to be lost."""
        quiet = min(one.undisturbed_for() for one in self.nodes)
        if quiet >= SETTLING_SECONDS and self.settled():
            run = node.systemd.running().keys() - self.triggered()
            fit = {u for u in run if self._fits_elsewhere(u, node)}
            self.lone_loss = Loss(node.id, self.clock(), frozenset(fit))

    def _fits_elsewhere(self, unit: str, node: Node) -> bool:
        text = self.wanted[unit][0]
        others = [one for one in self.nodes if one is not node and one.id not in self.marks()]
        if "Memory=" in text:
            others = [one for one in others if self._has_room(one)]
        if self.is_global(unit) or not others:
            return False
        return "role=" not in text or any(f"role={one.metadata['role']}" in text for one in others)

    def _has_room(self, node: Node) -> bool:
        """Whether a large unit has room there beside what runs."""
        return not any(
            "Memory=3" in text or "Memory=4" in text
            for text in (self.wanted[unit][0] for unit in node.systemd.running())
        )

    def is_global(self, unit: str) -> bool:
        """Whether the unit is to run on every machine."""
        return "Global=true" in self.wanted.get(unit, ("",))[0]

    def starts_first(self, unit: str) -> bool:
        """Whether the unit is to be up where it moves to before it is stopped where it was."""
        return "StartFirst=true" in self.wanted.get(unit, ("",))[0]

    def marks(self) -> dict[str, Eligibility]:
        """What the operator has said of machines, as the store has it, by id."""
        return {
            key.removeprefix(ELIGIBILITY): mark_of(x.value)
            for key, x in self._under(ELIGIBILITY).items()
        }

    def moves(self) -> dict[str, Move]:
        """Which units are to move, as the store has it."""
        return {key.removeprefix(MOVES): move_of(x.value) for key, x in self._under(MOVES).items()}

    def _under(self, prefix: str) -> dict[str, KeyValue]:
        entries = self.store.entries
        return {key: entry for key, entry in entries.items() if key.startswith(prefix)}

    def schedule(self) -> dict[tuple[str, str], Assignment]:
        """What the machines are told, by machine and unit."""
        found = self._under(SCHEDULE)
        return {split_key(key, SCHEDULE): assignment_of(x.value) for key, x in found.items()}

    def names_given(self) -> dict[tuple[str, str], str]:
        """Who is found by a name, by machine and unit, with the key that says so."""
        found = {key: ServiceRecord.from_json(x.value) for key, x in self._under(INTERNAL).items()}
        return {(one.machine, one.unit): key for key, one in found.items()}

    def begin_outage(self, ticks: int) -> None:
        """No request is answered; the store's leases stand still."""
        self.outage_ends = max(self.outage_ends, self.ticks + ticks)
        for node in self.nodes:
            node.begin("cut", ticks)

    def end_faults(self) -> None:
        """All is well again."""
        self._agenda.clear()
        self.outage_ends = 0
        for node in self.nodes:
            if not node.on:
                node.power_on()
            node.end_faults()

    def lease_of(self, machine: str) -> int:
        """The lease that the machine announces itself with."""
        entry = self.store.entries.get(machine_key(machine))
        return entry.lease if entry else 0

    def is_told(self, machine: str, unit: str, sha: str) -> bool:
        """Whether the user and the leader want this file to run there at this moment."""
        value = self.store.value(schedule_key(machine, unit))
        user = self.wanted.get(unit, ("", DesiredState.INACTIVE))
        return (
            value is not None
            and assignment_of(value) == Assignment(sha, DesiredState.LAUNCHED)
            and (sha_of(user[0]), user[1]) == (sha, DesiredState.LAUNCHED)
            and self.lease_of(machine) != 0
        )

    def want(self, unit: str, text: str, target: DesiredState = DesiredState.LAUNCHED) -> None:
        """The user submits a unit, or changes it."""
        self.names.add(unit)
        self.wanted[unit] = (text, target)
        self.watcher.told(unit)
        self.apply(unit)

    def apply(self, unit: str) -> None:
        """Write what is wanted of a unit to the store."""
        if unit not in self.watcher.releases.members:
            self.write(unit, *self.wanted[unit])

    def write(self, unit: str, text: str, target: DesiredState) -> None:
        """Write a unit to the store, as it is."""
        record = Unit(sha_of(text), target)
        self.store.commit([Put(file_key(record.sha), text), Put(unit_key(unit), record.to_json())])

    def destroy(self, unit: str) -> None:
        """The user removes a unit."""
        self.wanted.pop(unit, None)
        self.watcher.told(unit)
        self.store.commit([Delete(unit_key(unit))])

    def mark(self, machine: str, mark: Eligibility | None) -> None:
        """The operator cordons or drains a machine, or ends that."""
        id = self.node(machine).id
        if mark is None:
            self.store.remove(eligibility_key(id))
        else:
            self.store.put(eligibility_key(id), mark.to_json())
        self.note_departures()

    def move(self, unit: str, move: Move) -> None:
        """The operator moves a unit."""
        self.store.put(move_key(unit), move.to_json())
        self.note_departures()

    def note_departures(self) -> None:
        """Tell the watcher what may leave, by what the store has now."""
        for machine, mark in self.marks().items():
            for unit in self.names if mark.draining else ():
                if mark.force:
                    self.watcher.permit(machine, unit)
                self.watcher.release(machine, unit)
        for unit, move in self.moves().items():
            for name in (unit, *(one for one in self.names if self._follows(one, unit))):
                self.watcher.release(move.origin, name)

    def clocked(self) -> set[str]:
        """The timers whose elapses are the cluster's."""
        return {unit for unit, (text, _) in self.wanted.items() if "Once=true" in text}

    def triggered(self) -> set[str]:
        """What they start."""
        return {unit.replace(".timer", ".service") for unit in self.clocked()}

    def _ends(self, unit: str) -> bool:
        """Whether the unit's process ends by itself."""
        return "Type=oneshot" in self.wanted[unit][0]

    def _follows(self, unit: str, other: str) -> bool:
        return f"MachineOf={other}\n" in self.wanted.get(unit, ("",))[0]

    def dismiss(self, unit: str) -> None:
        """What `fleetctl destroy` does with a unit that may run without a record."""
        sha = next((a.sha for a in self._reported(unit)), "")
        if sha:
            self.store.put(unit_key(unit), Unit(sha, DesiredState.INACTIVE).to_json())
        else:
            self.store.remove(unit_key(unit))

    def _reported(self, unit: str) -> list[UnitState]:
        return [
            state_of(entry.value)
            for key, entry in self._under(STATES).items()
            if split_key(key, STATES)[1] == unit
        ]

    def wipe(self) -> None:
        """The store loses everything."""
        self._generation += 1
        self.store.wipe()

    def empty(self) -> None:
        """Every key is deleted."""
        self.store.remove(*self.store.entries)

    def restore(self, snapshot: Snapshot, other_id: bool = False) -> None:
        """The store is put back to what it was: what it says of changed units is an instruction."""
        before = {u: self.store.value(unit_key(u)) for u in self.names}
        self._generation += 1
        if other_id and CLUSTER in snapshot.entries:
            stranger = replace(snapshot.entries[CLUSTER], value=Cluster("other").to_json())
            snapshot = Snapshot(snapshot.revision, {**snapshot.entries, CLUSTER: stranger})
        self.store.restore(snapshot)
        self.watcher.elapses.restored()
        self.restored_at = self.clock()
        if any(node.on and not node.knows_the_store() for node in self.nodes):
            self.watcher.all_told()
        for unit in self.names:
            if self.store.value(unit_key(unit)) != before[unit]:
                self.watcher.told(unit)
        self.note_departures()

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
        self.ticks += 1
        # By the tick, so that the same happens here whatever was left out before.
        self.random.seed(self.seed * 1_000_003 + self.ticks)
        self.on_tick()
        self._do_what_is_due()
        self._end_leases()
        for node in self.nodes:
            node.feel_faults()
            if self.lease_of(node.id):
                self.watcher.fallen.discard(node.id)
            node.note_announced(bool(self.lease_of(node.id)))
            if node.unannounced_for > TTL / 2:
                self.watcher.cut_off(node.id)
        for node in self.random.sample(self.nodes, len(self.nodes)):
            node.guard()
            node.turn()
            if self.random.random() < 0.8:
                node.work()
        if self.is_paused:
            self.watcher.look_at_reports()
        else:
            self.watcher.look()

    def _do_what_is_due(self) -> None:
        due = [action for tick, action in self._agenda if tick <= self.ticks]
        self._agenda = [one for one in self._agenda if one[0] > self.ticks]
        for action in due:
            action()

    def _end_leases(self) -> None:
        if self.ticks < self.outage_ends:
            self.store.extend_leases()
        owners = {self.lease_of(node.id): node.id for node in self.nodes}
        for lease in self.store.tick():
            if lease in owners:
                self.watcher.cut_off(owners[lease])
                self.watcher.fallen.add(owners[lease])

    def settled(self) -> bool:
        """Whether the cluster is as the user wants it, and says so."""
        return not self.differences()

    def differences(self) -> list[str]:
        """What is not as it should be."""
        alive = {node.id: node for node in self.nodes if node.on}
        launched = {u: sha_of(x) for u, (x, t) in self.wanted.items() if t is DesiredState.LAUNCHED}
        homes: dict[str, list[str]] = {unit: [] for unit in launched}
        found: list[str] = []
        done = {
            unit
            for (_, unit), told in self.schedule().items()
            if told.completed and told.sha == launched.get(unit)
        }
        for unit in self.clocked():
            homes.pop(unit, None)
        for id, node in alive.items():
            for unit, sha in node.systemd.running().items():
                if unit in self.triggered():
                    continue
                if launched.get(unit) != sha:
                    found.append(f"{unit} runs on {id} with {sha[:6]}")
                else:
                    homes[unit].append(id)
            for unit in homes.keys() & node.systemd.disk.keys():
                if self._ends(unit) and sha_of(node.systemd.disk[unit]) == launched[unit]:
                    homes[unit].append(id)
            if node.systemd.running().keys() - node.systemd.disk.keys():
                found.append(f"{id} runs something without its file")
        drained = {machine for machine, mark in self.marks().items() if mark.draining}
        for unit, ids in homes.items():
            missing = alive.keys() - drained - set(ids)
            if missing if self.is_global(unit) else len(ids) != 1 and unit not in done:
                found.append(f"{unit} runs on {ids}")
        found += [f"{unit} is still to move: {move}" for unit, move in self.moves().items()]
        reports = self._false_reports(homes) + self._false_names(homes)
        return found + reports + self.watcher.elapses.overdue()

    def _false_names(self, homes: dict[str, list[str]]) -> list[str]:
        named = {unit for unit, (text, _) in self.wanted.items() if "Name=" in text}
        up = {(id, unit) for unit in named & homes.keys() for id in homes[unit]}
        differing = up ^ self.names_given().keys()
        return [f"{unit} on {id}: it is found or up, not both" for id, unit in sorted(differing)]

    def _false_reports(self, homes: dict[str, list[str]]) -> list[str]:
        found: list[str] = []
        for (machine, unit), assignment in self.schedule().items():
            right = machine in homes.get(unit, []) or assignment.completed
            if not right and assignment.desired_state is not DesiredState.LOADED:
                found.append(f"{unit} is assigned to {machine}: {assignment.desired_state}")
        for key, entry in self._under(STATES).items():
            machine, unit = split_key(key, STATES)
            state = state_of(entry.value)
            node = self.node(machine)
            up = unit in node.systemd.running()
            gone = not node.on or node.id != machine
            is_up = state.active in ("active", "activating")
            if state.orphan or is_up != up or gone:
                found.append(f"{unit} on {machine} is reported {state}")
        return found
