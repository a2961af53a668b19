"""What the step `fleetd` waits for before the next machine is touched, and whom it asks."""

from collections.abc import Collection, Mapping

import pytest

from fleet_cluster.fleet.kv import Put, Snapshot
from fleet_cluster.fleet.model.keys import (
    ROOT,
    address_key,
    duplicate_key,
    file_key,
    machine_key,
    schedule_key,
    state_key,
    unit_key,
)
from fleet_cluster.fleet.model.records import (
    JOB_DONE,
    JOB_PENDING,
    Assignment,
    DesiredState,
    MachineState,
    Unit,
    UnitState,
)
from fleet_cluster.fleet.setup.fleetd.own_machine import OwnMachine, on_the_way
from fleet_cluster.fleet.setup.shell import StepError
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.kv import MemoryKV

ME, ADDRESS = "a" * 32, "10.0.0.1"
OTHER = "b" * 32
GLOBAL = "[Service]\nExecStart=/bin/true\n[X-Fleet]\nGlobal=true\n"
NOWHERE = "[Service]\nExecStart=/bin/true\n[X-Fleet]\nMachineMetadata=role=none\n"
RUN = Assignment("1", DesiredState.LAUNCHED)
UP = UnitState("loaded", "active", "running", "1")
ENDED = UnitState("loaded", "inactive", "dead", "1", start_requested_at=5.0)


class Etcd(MemoryKV):
    """It notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.asked: list[str] = []
        for id, address in ((ME, ADDRESS), (OTHER, "10.0.0.2")):
            self.put(machine_key(id), MachineState(id, address, "machine").to_json())
        self.put(address_key(ADDRESS), ME)

    def read(self, prefix: str) -> Snapshot:
        self.asked.append(prefix)
        return super().read(prefix)

    def get(self, keys: Collection[str]) -> Snapshot:
        self.asked += keys
        return super().get(keys)

    def want(self, unit: str, text: str) -> None:
        self.put(file_key(sha_of(text)), text)
        self.put(unit_key(unit), Unit(sha_of(text), DesiredState.LAUNCHED).to_json())

    def assign(self, unit: str, machine: str = ME, state: UnitState | None = None) -> None:
        self.put(schedule_key(machine, unit), RUN.to_json())
        if state:
            self.put(state_key(machine, unit), state.to_json())


@pytest.fixture
def etcd() -> Etcd:
    return Etcd()


def own(etcd: Etcd) -> OwnMachine:
    return OwnMachine(ME, ADDRESS, etcd)


def test_of_other_machines_nothing_is_asked(etcd: Etcd) -> None:
    etcd.assign("a.service", state=UP)
    etcd.assign("b.service", OTHER, UnitState("loaded", "activating", "start", "1"))
    machine = own(etcd)
    machine.refuse_duplicate(0)
    assert machine.waiting() == []
    assert all(ME in asked or ADDRESS in asked for asked in etcd.asked), etcd.asked


def test_it_is_told_of_what_changes_and_asks_nothing_again(etcd: Etcd) -> None:
    etcd.assign("a.service")
    machine = own(etcd)
    assert machine.waiting() == ["a.service"]
    etcd.asked.clear()
    etcd.put(state_key(ME, "a.service"), UP.to_json())
    assert machine.wait(machine.waiting, 60) == []
    assert etcd.asked == []


def test_what_fits_nowhere_holds_no_machine(etcd: Etcd) -> None:
    etcd.want("nowhere.service", NOWHERE)
    assert own(etcd).waiting() == []


def test_a_new_machine_waits_for_what_the_leader_is_about_to_give_it(etcd: Etcd) -> None:
    etcd.want("web.service", GLOBAL)
    machine = own(etcd)
    assert machine.waiting() == ["web.service"]
    assert etcd.asked[-1] == ROOT
    etcd.asked.clear()
    etcd.assign("web.service", state=UP)
    assert machine.waiting() == [] and etcd.asked == []


def test_a_machine_made_anew_waits_until_its_predecessor_has_no_units(etcd: Etcd) -> None:
    before = "c" * 32
    etcd.put(address_key(ADDRESS), before)
    etcd.assign("a.service", before)
    etcd.assign("b.service", state=UP)
    machine = own(etcd)
    etcd.put(address_key(ADDRESS), ME)  # As fleetd does when it announces the machine.
    assert machine.waiting() == ["a.service"]
    etcd.remove(schedule_key(before, "a.service"))
    assert machine.waiting() == []


def test_a_machine_whose_id_another_address_has_is_refused(etcd: Etcd) -> None:
    clone = OwnMachine(ME, "10.0.0.3", etcd)
    clone.refuse_duplicate(0)
    record = MachineState(ME, "10.0.0.3", "machine").to_json()
    etcd.commit([Put(duplicate_key(ME, "10.0.0.3"), record)])
    with pytest.raises(StepError, match=f"10.0.0.3 has the machine id {ME}, which {ADDRESS} has"):
        clone.refuse_duplicate(0)
    own(etcd).refuse_duplicate(0)


@pytest.mark.parametrize(
    "state",
    [
        UP,
        UnitState("loaded", "reloading", "reload", "1"),
        UnitState("loaded", "failed", "failed", "1"),
        ENDED,
        UnitState("loaded", "inactive", "dead", "1", start_requested_at=5.0, job=JOB_DONE),
        UnitState("not-found", "inactive", "dead", "1", problem="its file cannot be written"),
    ],
    ids=["up", "reloads", "failed", "has ended", "skipped", "cannot start"],
)
def test_what_has_come_to_an_end_is_not_waited_for(state: UnitState) -> None:
    assert on_the_way({"a.service": RUN}, {"a.service": state}) == []


@pytest.mark.parametrize(
    "states",
    [
        {},
        {"a.service": UnitState("loaded", "active", "running", "of before")},
        {"a.service": UnitState("loaded", "activating", "start", "1", start_requested_at=5.0)},
        {"a.service": UnitState("loaded", "inactive", "dead", "1")},
        {
            "a.service": UnitState(
                "loaded", "inactive", "dead", "1", start_requested_at=5.0, job=JOB_PENDING
            )
        },
    ],
    ids=["not reported", "older file", "starts", "not told to start", "job pending"],
)
def test_what_is_to_run_is_waited_for(states: Mapping[str, UnitState]) -> None:
    assert on_the_way({"a.service": RUN}, states) == ["a.service"]


def test_what_is_not_to_run_here_is_not_waited_for() -> None:
    stopped = {
        "a.service": Assignment("1", DesiredState.INACTIVE),
        "b.service": Assignment("1", DesiredState.LOADED),
        "c.service": Assignment("1", DesiredState.LAUNCHED, completed=True),
    }
    assert on_the_way(stopped, {}) == []
