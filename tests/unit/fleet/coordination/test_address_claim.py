"""A machine that was replaced makes room for the one that has its address."""

import pytest

from fleet_cluster.fleet.coordination.address_claim import AddressClaim
from fleet_cluster.fleet.kv import KVUnavailableError, Put
from fleet_cluster.fleet.model.keys import address_key, eligibility_key, machine_key, state_key
from fleet_cluster.fleet.model.records import Eligibility, MachineState
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.kv import MemoryKV

OLD = MachineState("old", "10.0.0.1", "machine-1")
NEW = MachineState("new", "10.0.0.1", "machine-1")


class Rig:
    """A store in which a machine is announced."""

    def __init__(self) -> None:
        self.store = MemoryKV(FakeClock())
        self.line = Connection(self.store)
        AddressClaim(OLD, self.store).claim()
        self.announce(OLD)

    def announce(self, machine: MachineState) -> int:
        lease = self.store.grant(10)
        for key in (machine_key(machine.id), state_key(machine.id, "a.service")):
            self.store.commit([Put(key, machine.to_json(), lease)])
        return lease

    def claim(self, machine: MachineState = NEW) -> None:
        AddressClaim(machine, self.line, lambda: 5.0).claim()


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_whoever_comes_first_only_notes_it(rig: Rig) -> None:
    assert rig.store.value(address_key("10.0.0.1")) == "old"
    assert rig.store.value(eligibility_key("old")) is None
    assert rig.store.leases


def test_a_replaced_machine_ends_and_nothing_is_kept_for_it(rig: Rig) -> None:
    rig.claim()
    assert rig.store.value(address_key("10.0.0.1")) == "new"
    assert not rig.store.leases
    assert rig.store.value(machine_key("old")) is rig.store.value(state_key("old", "a.service"))
    assert rig.store.value(eligibility_key("old")) == Eligibility(removed=True, since=5.0).to_json()


def test_one_that_was_gone_already_is_not_waited_for_either(rig: Rig) -> None:
    rig.store.revoke(next(iter(rig.store.leases)))
    rig.claim()
    assert rig.store.value(eligibility_key("old")) == Eligibility(removed=True, since=5.0).to_json()


def test_one_that_has_another_address_now_is_left_alone(rig: Rig) -> None:
    rig.announce(MachineState("old", "10.0.0.9", "machine-1"))
    leases = set(rig.store.leases)
    rig.claim()
    assert rig.store.value(address_key("10.0.0.1")) == "new"
    assert rig.store.value(eligibility_key("old")) is None and set(rig.store.leases) == leases


def test_one_that_answers_at_once_lives(rig: Rig) -> None:
    """It was cut off, and has announced itself again between two requests."""

    def announce(point: str) -> None:
        if point.startswith("before commit"):
            rig.announce(OLD)

    rig.line.gate = announce
    rig.claim()
    assert rig.store.value(machine_key("old")) and rig.store.value(eligibility_key("old")) is None
    assert rig.store.value(address_key("10.0.0.1")) == "old"


def test_two_that_have_one_address_do_not_fight(rig: Rig) -> None:
    address = AddressClaim(NEW, rig.line)
    address.claim()
    rig.claim(OLD)
    rig.announce(OLD)
    address.claim()
    assert rig.store.value(address_key("10.0.0.1")) == "old" and rig.store.leases


def test_it_is_noted_again_when_the_store_was_emptied(rig: Rig) -> None:
    address = AddressClaim(NEW, rig.line)
    address.claim()
    rig.store.remove(*rig.store.entries)
    address.claim()
    assert rig.store.value(address_key("10.0.0.1")) == "new"


def test_it_is_tried_again_when_the_store_was_away(rig: Rig) -> None:
    address = AddressClaim(NEW, rig.line)
    rig.line.up = False
    with pytest.raises(KVUnavailableError):
        address.claim()
    rig.line.up = True
    address.claim()
    assert not rig.store.leases


def test_a_machine_without_an_address_claims_nothing(rig: Rig) -> None:
    revision = rig.store.revision
    rig.claim(MachineState("new", "", "machine-1"))
    assert rig.store.revision == revision
