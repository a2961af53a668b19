"""A store with machines in it, and their leader, for tests of what leaders do."""

from collections.abc import Sequence

from fleet_cluster.fleet.coordination.election import Election
from fleet_cluster.fleet.coordination.lease import Lease
from fleet_cluster.fleet.engine.leader import Leader
from fleet_cluster.fleet.kv import Put
from fleet_cluster.fleet.model.keys import (
    SCHEDULE,
    file_key,
    machine_key,
    split_key,
    state_key,
    unit_key,
)
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    MachineState,
    Unit,
    UnitState,
)
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.clock import FakeClock, MemoryFile, no_chance
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.kv import MemoryKV
from tests.unit.fleet.fakes.units import SLEEPS

TTL = 10


class Cluster:
    """A store with machines in it, and their leader."""

    def __init__(self, machines: Sequence[str] = "abc") -> None:
        self.clock = FakeClock()
        self.store = MemoryKV(self.clock)
        self.line = Connection(self.store)
        self.wakes = 0
        self.leases = {machine: self.store.grant(1000) for machine in machines}
        for machine in machines:
            self.announce(machine)
        self.lease = Lease(self.line, TTL, self.clock, MemoryFile(), self.wake, no_chance)
        self.lease.renew()
        self.wait(TTL)
        self.election = Election("a", self.line, self.clock, self.wake, no_chance)
        self.election.term(self.lease.id)
        self.leader = self.elected()

    def wake(self) -> None:
        self.wakes += 1

    def elected(self) -> Leader:
        term = self.election.term(self.lease.id)
        assert term
        return Leader(term, self.line, self.lease, self.clock, self.wake)

    def wait(self, seconds: float) -> None:
        """Let time pass while the store is connected."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.lease.renew()

    def announce(self, machine: str, address: str = "") -> None:
        record = MachineState(machine, address or f"10.0.0.{machine}", machine, {"name": machine})
        self.store.commit([Put(machine_key(machine), record.to_json(), self.leases[machine])])

    def lose(self, *machines: str) -> None:
        for machine in machines:
            self.store.revoke(self.leases[machine])
            self.leases[machine] = self.store.grant(1000)

    def want(
        self, unit: str, text: str = SLEEPS, target: DesiredState = DesiredState.LAUNCHED
    ) -> None:
        self.store.put(file_key(sha_of(text)), text)
        self.store.put(unit_key(unit), Unit(sha_of(text), target).to_json())

    def want_many(self, first: int, after: int) -> None:
        """Units of these numbers, in one transaction."""
        self.store.put(file_key(sha_of(SLEEPS)), SLEEPS)
        value = Unit(sha_of(SLEEPS), DesiredState.LAUNCHED).to_json()
        names = [unit_key(f"web@{number}.service") for number in range(first, after)]
        self.store.commit([Put(name, value) for name in names])

    def report(self, machine: str, unit: str, held: bool = False) -> None:
        state = UnitState("loaded", "active", "running", sha_of(SLEEPS), orphan=held)
        self.report_state(machine, unit, state)

    def report_state(self, machine: str, unit: str, state: UnitState) -> None:
        operation = Put(state_key(machine, unit), state.to_json(), self.leases[machine])
        self.store.commit([operation])

    def act(self, shaken: bool = False, full: bool = False) -> float:
        return self.leader.reconcile(shaken, full)

    def homes(self) -> dict[str, str]:
        """Unit to the machines that are to run it."""
        homes: dict[str, str] = {}
        for key, entry in self.store.read(SCHEDULE).entries.items():
            machine, unit = split_key(key, SCHEDULE)
            if Assignment.from_json(entry.value).desired_state is not DesiredState.INACTIVE:
                homes[unit] = homes.get(unit, "") + machine
        return homes
