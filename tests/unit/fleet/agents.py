"""An agent on one machine, with everything around it in memory."""

from contextlib import suppress
from dataclasses import dataclass, field
from unittest.mock import patch

from fleet_cluster.fleet.agent.agent import Agent
from fleet_cluster.fleet.agent.checkpoint import Checkpoint
from fleet_cluster.fleet.agent.orders import Orders
from fleet_cluster.fleet.model.keys import (
    CLUSTER,
    ORDERS,
    SCHEDULE,
    file_key,
    schedule_key,
    state_key,
)
from fleet_cluster.fleet.model.records import Assignment, Cluster, DesiredState, UnitState
from fleet_cluster.fleet.secrets.folder import MemoryFolder
from fleet_cluster.fleet.systemd.manager import SystemdError
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.clock import FakeClock, Gate, MemoryFile
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.kv import MemoryKV
from tests.unit.fleet.fakes.sealer import key_of
from tests.unit.fleet.fakes.systemd import FakeSystemd

MACHINE = "m1"
PATIENCE = 10.0


@dataclass
class Bench:
    """One machine. `act` is one reconcile of its agent."""

    clock: FakeClock = field(default_factory=FakeClock)
    checkpoint_file: MemoryFile = field(default_factory=MemoryFile)
    folder: MemoryFolder = field(default_factory=MemoryFolder)
    """The secrets of its units, sealed."""
    identity_changes: int = 0

    def __post_init__(self) -> None:
        self.connected_since = self.clock()
        self.store = MemoryKV(self.clock)
        self.line = Connection(self.store)
        self.systemd = FakeSystemd(self.clock)
        self.lease = self.store.grant(3600)
        self.store.put(CLUSTER, Cluster("one").to_json())
        self.restart()

    def restart(self) -> None:
        """A new fleetd."""
        checkpoint = Checkpoint(self.checkpoint_file)
        self.agent = Agent(
            MACHINE,
            self.line,
            self.systemd,
            checkpoint,
            self.connected_for,
            PATIENCE,
            self._on_identity_changed,
            self.clock,
            self.clock,
            self.folder,
            key_of(MACHINE),
        )
        as_written = self.agent.files.as_written
        self.orders = Orders(self.line, self.systemd, checkpoint, self.clock, as_written)

    def assign(self, unit: str, text: str, target: DesiredState = DesiredState.LAUNCHED) -> None:
        """What the leader does; the file is in the store."""
        self.store.put(file_key(sha_of(text)), text)
        self.store.put(schedule_key(MACHINE, unit), Assignment(sha_of(text), target).to_json())

    def act(self, lease: int | None = None, announced: bool = True) -> float:
        """Reconcile with the store as it is, then let systemd do its jobs."""
        snapshot = self.store.read(SCHEDULE + MACHINE + "/")
        cluster = self.store.entries.get(CLUSTER)
        self.agent.trust.check_identity(cluster, snapshot.revision, fresh=True)
        lease = self.lease if lease is None else lease
        self.orders.obey(self.store.read(ORDERS + MACHINE + "/").entries)
        seconds = self.agent.reconcile(lease, announced and bool(lease), snapshot.entries)
        self.systemd.work()
        return seconds

    def settle(self) -> None:
        """Reconcile often enough for everything to be done."""
        for _ in range(5):
            self.act()

    def run(self, unit: str, text: str) -> None:
        """Assign a unit and wait until it runs."""
        self.assign(unit, text)
        self.settle()

    def start_without_answer(self, unit: str, text: str) -> None:
        """Assign a unit that systemd starts, and the agent does not learn that it does."""
        self.assign(unit, text)
        silent = _silent_after(f"start {unit}")
        with patch.object(self.systemd, "gate", silent), suppress(SystemdError):
            self.settle()
        self.systemd.work()

    def state(self, unit: str) -> UnitState | None:
        """What the machine reports of a unit."""
        value = self.store.value(state_key(MACHINE, unit))
        return UnitState.from_json(value) if value else None

    def calls(self) -> list[str]:
        """What systemd was asked to do since the last time this was asked."""
        calls = list(self.systemd.calls)
        self.systemd.calls.clear()
        return calls

    def connected_for(self) -> float:
        """For how long the store has been connected."""
        return self.clock() - self.connected_since

    def _on_identity_changed(self) -> None:
        self.identity_changes += 1
        self.connected_since = self.clock()


def _silent_after(call: str) -> Gate:
    """systemd does what is asked, and this one call is not answered."""

    def gate(point: str) -> None:
        if point == f"after {call}":
            raise SystemdError("no answer")

    return gate
