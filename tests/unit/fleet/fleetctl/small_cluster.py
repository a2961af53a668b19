"""A store in memory, and a cluster behind it that does at once what fleet's machines would do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.fleetctl.cli.origin import Origin
from fleet_cluster.fleet.fleetctl.cli.output import tell
from fleet_cluster.fleet.fleetctl.commands.parser import parse
from fleet_cluster.fleet.fleetctl.operations.context import Context
from fleet_cluster.fleet.fleetctl.remote.locate import locate, locate_some
from fleet_cluster.fleet.fleetctl.remote.machines import Located
from fleet_cluster.fleet.fleetctl.remote.tunnel import RemoteRequest
from fleet_cluster.fleet.fleetctl.wait.outcome import Failed
from fleet_cluster.fleet.kv import (
    Changes,
    Condition,
    KVUnavailableError,
    Operation,
    Put,
    Snapshot,
)
from fleet_cluster.fleet.model import keys, record
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    MachineState,
    Order,
    Unit,
    UnitState,
    Verb,
)
from fleet_cluster.fleet.model.rollout_step import RolloutStep
from fleet_cluster.fleet.secrets.age import Sealer
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.kv import MemoryKV
from tests.unit.fleet.fakes.sealer import FakeSealer

WEB = MachineState(
    "3f2a91bc" + "0" * 24,
    "10.0.0.11",
    "machine-1",
    {"role": "web", "zone": "a"},
    "2",
    os="debian-13.8",
    etcd="3.6.16",
    memory=2 << 30,
    cpus=2.0,
    takes_runs=True,
)
DB = MachineState(
    "9d04e6a1" + "0" * 24, "10.0.0.12", "machine-2", {"role": "db"}, "2", takes_runs=True
)

SLEEP = "[Unit]\nDescription=Sleeps\n\n[Service]\nExecStart=/bin/sleep inf\n"


class SmallStore(MemoryKV):
    """A store that counts, and that can fail to answer."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: 0.0)
        self.writes = 0
        self.unavailable = 0
        """How many of the next reads fail."""
        self.lost_answers = 0
        """How many of the next commits are done, and seem to fail."""

    def read(self, prefix: str) -> Snapshot:
        if self.unavailable:
            self.unavailable -= 1
            raise KVUnavailableError("no member answered")
        return super().read(prefix)

    def commit(self, operations: Sequence[Operation], *conditions: Condition) -> int:
        is_lost = self.lost_answers > 0
        self.lost_answers -= is_lost
        revision = super().commit(operations, *conditions)
        self.writes += bool(revision)
        if is_lost:
            raise KVUnavailableError("no member answered")
        return revision


@dataclass
class SmallCluster:
    """A store whose leader and machines act within each commit that changes a unit or a move."""

    store: SmallStore = field(default_factory=SmallStore)
    behaviour: dict[str, list[UnitState]] = field(default_factory=dict[str, list[UnitState]])
    """What a unit's machine reports of it when it is started; without an entry, active. Of a
    Global unit also by machine: "NAME on ID"."""
    log: list[str] = field(default_factory=list[str])
    """What machines were told: "start NAME", "stop NAME"."""
    answers: dict[str, str] = field(default_factory=dict[str, str])
    """What a unit's machine answers to an order; without an entry, that it is done."""
    deaf: bool = False
    """Whether the machines take no orders."""
    stubborn: set[str] = field(default_factory=set[str])
    """The units that do not stop."""
    clock: float = 1000.0

    def __post_init__(self) -> None:
        self.put(keys.LEADER, WEB)
        self.join(WEB, DB)
        self.store.watch(keys.UNITS, self.store.revision, self._on_units, lambda: None)
        self.store.watch(keys.MOVES, self.store.revision, self._on_moves, lambda: None)
        self.store.watch(keys.ORDERS, self.store.revision, self._on_orders, lambda: None)

    def put(self, key: str, record: record.Record) -> None:
        self.store.put(key, record.to_json())

    def join(self, *machines: MachineState) -> None:
        for machine in machines:
            self.put(keys.machine_key(machine.id), machine)

    def leave(self, machine: MachineState) -> None:
        """Its lease ends: what it announced and reported goes."""
        gone = [key for key in self.store.entries if f"/{machine.id}" in key]
        self.store.remove(*(key for key in gone if not key.startswith(keys.SCHEDULE)))

    def come_back(self, machine: MachineState) -> None:
        """It boots, and runs the Global units that it is to have."""
        self.join(machine)
        for name, on in self.view().plan().global_placements.items():
            if machine.id in on:
                self.store.remove(keys.schedule_key(machine.id, name))
                self._take(machine.id, name, self.view())

    def view(self) -> ClusterState:
        return ClusterState.of(self.store.read(keys.ROOT))

    def add(
        self, name: str, text: str = SLEEP, target: DesiredState = DesiredState.LAUNCHED
    ) -> None:
        """A unit that is in the cluster already."""
        sha = sha_of(text)
        self.store.commit([Put(keys.file_key(sha), text)])
        self.put(keys.unit_key(name), Unit(sha, target))
        self.log.clear()

    def lose_records(self) -> None:
        """etcd has nothing but what the machines report: they run on as they did."""
        kept = (keys.LEADER, keys.MACHINES, keys.STATES)
        self.store.remove(*(key for key in self.store.entries if not key.startswith(kept)))
        for name, reports in self.view().states.items():
            for machine, state in reports.items():
                self.put(keys.state_key(machine, name), replace(state, orphan=True))
        self.log.clear()

    def report(self, name: str, state: UnitState) -> None:
        """The unit's machine reports."""
        for machine in self.view().assigned(name):
            self.put(keys.state_key(machine, name), state)

    def state(self, name: str, active: str, sub: str, since: float = 0) -> UnitState:
        self.clock += 1
        return UnitState("loaded", active, sub, self.view().units[name].sha, since or self.clock)

    def _on_moves(self, changes: Changes) -> None:
        """What moves starts on its new machine first, and leaves when all that go are up there."""
        view = self.view()
        moving = [
            (name, home, machine)
            for name, home in sorted(view.plan().placements.items())
            for machine in sorted(view.assigned(name).keys() - {home})
        ]
        for name, home, machine in moving:
            here = view.assigned(name)[machine]
            self.put(keys.schedule_key(machine, name), replace(here, destination=home))
            self._take(home, name, view)
        if all(self.view().serves(name, home) for name, home, _ in moving):
            for name, _, machine in moving:
                self._drop(machine, name)
        on = {name: self.view().assigned(name) for name in self.view().moves}
        done = [name for name, move in self.view().moves.items() if move.origin not in on[name]]
        self.store.remove(*(keys.move_key(name) for name in done))

    def _on_orders(self, changes: Changes) -> None:
        """The machines answer, and report what became of it."""
        for key, entry in changes.puts.items():
            order = Order.from_json(entry.value)
            machine, name = keys.split_key(key, keys.ORDERS)
            if order.answer or self.deaf:
                continue
            self.log.append(f"{order.verb} {name}")
            answer = self.answers.get(name, Order.DONE)
            told = replace(order, answer=answer)
            self.store.commit([Put(key, told.to_json(), entry.lease)])
            if order.verb == Verb.RESET_FAILED and answer == Order.DONE:
                state = self.view().reported(name)[machine]
                if state.active == "failed":
                    self.put(keys.state_key(machine, name), replace(state, active="inactive"))
            if order.verb == Verb.RESTART and answer == Order.DONE:
                view = self.view()
                bound = [n for n in view.units if f"BindsTo={name}\n" in (view.text_of(n) or "")]
                for one in (name, *(n for n in bound if machine in view.reported(n))):
                    self._start(machine, one)

    def _on_units(self, changes: Changes) -> None:
        view = self.view()
        plan = view.plan()
        names = {key.removeprefix(keys.UNITS) for key in (*changes.puts, *changes.deletes)}
        timers = {name for name in names if name.endswith(".timer")}
        for name in sorted(names | {name.replace(".timer", ".service") for name in timers}):
            on = plan.global_placements.get(name, frozenset[str]())
            if name in plan.placements:
                on = frozenset([plan.placements[name]])
            for machine in sorted(view.assigned(name).keys() - on):
                self._drop(machine, name)
            for machine in sorted(on):
                self._take(machine, name, view)

    def _drop(self, machine: str, name: str) -> None:
        self.log.append(f"stop {name}")
        if name in self.stubborn:
            stopping = self.state(name, "deactivating", "stop-sigterm")
            self.put(keys.state_key(machine, name), stopping)
            return
        gone = keys.schedule_key(machine, name), keys.state_key(machine, name)
        self.store.remove(*gone)

    def _take(self, machine: str, name: str, view: ClusterState) -> None:
        unit = view.asked(name)
        if unit is None:
            return
        told = Assignment(unit.sha_on(machine), unit.desired_state)
        if view.assigned(name).get(machine) == told:
            return
        self.put(keys.schedule_key(machine, name), told)
        before = view.assignment(name, machine)
        if before == told:
            adopted = replace(view.reports(name)[machine], orphan=False)
            self.put(keys.state_key(machine, name), adopted)
            return
        was_started = before is not None and before.desired_state is DesiredState.LAUNCHED
        if was_started:
            self.log.append(f"stop {name}")
        down = self.state(name, "inactive", "dead")
        if unit.desired_state is DesiredState.LAUNCHED:
            self.log.append(f"start {name}")
            self._start(machine, name)
            return
        self.clock += 1
        self.put(keys.state_key(machine, name), replace(down, sha=told.sha, since=self.clock))

    def _start(self, machine: str, name: str) -> None:
        """The machine's systemd starts it, anew if it runs; its states follow at once."""
        up = [self.state(name, "active", "running")]
        told = self.view().assigned(name)[machine]
        at = self.clock
        for state in self.behaviour.get(f"{name} on {machine}") or self.behaviour.get(name) or up:
            self.clock += 1
            state = replace(state, sha=told.sha, since=self.clock, start_requested_at=at)
            self.put(keys.state_key(machine, name), state)


@dataclass
class FakeMachines:
    """Notes what is run where."""

    cluster: SmallCluster
    runs: list[tuple[str, list[str], list[str]]] = field(
        default_factory=list[tuple[str, list[str], list[str]]]
    )
    explained: dict[str, Failed] = field(default_factory=dict[str, Failed])
    code: int = 0

    def locate(
        self, names: list[str], units_only: bool = False, some: bool = False
    ) -> list[Located]:
        if not some:
            return locate(names, self.cluster.view(), units_only)
        found, missing = locate_some(names, self.cluster.view())
        for reason in missing:
            tell(reason)
        return found

    def run(
        self,
        machine: MachineState,
        command: list[str],
        flags: Sequence[str] = (),
        takes_input: bool = False,
    ) -> int:
        self.runs.append((machine.hostname, command, list(flags)))
        return self.code

    def have(
        self,
        words: Sequence[str],
        request: RemoteRequest,
        on_line: Callable[[str], None],
        resumes: bool = False,
    ) -> int:
        raise NotImplementedError

    def call(self, machine: MachineState, command: list[str]) -> list[str]:
        return ["on", machine.hostname, *command]

    def explain(self, failures: Mapping[str, Failed], view: ClusterState) -> None:
        self.explained.update(failures)


@dataclass
class Fleetctl:
    """Runs commands as `main` does, against a small cluster."""

    cluster: SmallCluster
    machines: FakeMachines
    files: dict[str, str] = field(default_factory=dict[str, str])
    document: str = ""
    origin: Origin = field(default_factory=Origin)
    sealer: Sealer = field(default_factory=FakeSealer)
    steps: list[RolloutStep] = field(default_factory=list[RolloutStep])
    """What its rollouts have told."""

    def __call__(self, *words: str) -> int:
        command, arguments = parse(words)
        store = self.cluster.store
        context = Context(
            lambda: store,
            self.machines,
            self.files,
            self.document,
            lambda: store,
            self.sealer,
            self.origin,
            self.steps.append,
        )
        return command.run(context, arguments)
