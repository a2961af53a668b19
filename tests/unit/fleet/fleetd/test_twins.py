"""Two machines with one id: one of them is the machine, the other runs nothing new and says so."""

import json
from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.commands.machines.list_machines import machine_rows
from fleet_cluster.fleet.fleetctl.state.watcher import read_state
from fleet_cluster.fleet.kv import Put
from fleet_cluster.fleet.model.keys import DUPLICATES, LEADER, machine_key
from fleet_cluster.fleet.model.records import MachineState
from tests.unit.fleet.fakes.clock import MemoryFile, open_gate
from tests.unit.fleet.fleetd.test_loop import ME, Rig
from tests.unit.fleet.fleetd.test_unforeseen import live, running

CLONE = replace(ME, address="10.0.0.2", hostname="machine-2")
OTHER = MachineState("m2", "10.0.0.3", "machine-3", {"role": "web"}, "test")
UNITS = [f"u{number}.service" for number in range(3)]


@pytest.fixture
def rig() -> Rig:
    """The machine that has the id, with units that run."""
    rig = Rig()
    live(rig)
    for unit in UNITS:
        rig.want(unit)
    live(rig)
    assert running(rig) == UNITS
    return rig


def faults(rig: Rig) -> str:
    return "\n".join(rig.fleetd.metrics.faults())


def states(rig: Rig) -> dict[str, str]:
    return {row["ip"]: row["state"] for row in machine_rows(read_state(rig.store), full=True)}


def lose(rig: Rig) -> None:
    """The machine is cut off for longer than its lease."""
    rig.line.cut()
    rig.clock.advance(30)
    rig.store.tick()


def test_clone_runs_nothing_and_says_so(rig: Rig) -> None:
    clone = Rig(CLONE, beside=rig)
    live(rig, clone)
    rig.want("new.service")
    live(rig, clone)
    assert running(rig) == ["new.service", *UNITS] and not running(clone)
    assert MachineState.from_json(rig.store.value(machine_key("m1")) or "") == ME
    assert "another machine, 10.0.0.1, is announced with this one's id, m1" in faults(clone)
    assert not clone.fleetd.announced and clone.fleetd.ready and not faults(rig)
    assert states(rig) == {"10.0.0.1": "", "10.0.0.2": "duplicate-id"}


def test_clone_leaves_reports_and_leadership_to_the_one_that_is_announced(rig: Rig) -> None:
    clone = Rig(CLONE, beside=rig)
    live(rig, clone)
    term, revision = rig.store.entries[LEADER], rig.store.revision
    live(rig, clone)
    assert rig.store.entries[LEADER] == term and rig.store.revision == revision


def test_two_that_come_at_once_agree_on_one() -> None:
    first = Rig()
    second = Rig(CLONE, beside=first)
    live(first, second)
    first.want("a.service")
    live(first, second)
    assert len(running(first, second)) == 1
    assert [bool(faults(first)), bool(faults(second))].count(True) == 1


def test_clone_is_the_machine_when_the_other_has_gone(rig: Rig) -> None:
    clone = Rig(CLONE, beside=rig)
    live(rig, clone)
    lose(rig)
    live(clone)
    assert clone.fleetd.announced and not faults(clone) and running(clone) == UNITS
    assert states(clone) == {"10.0.0.2": ""}


def test_what_runs_is_not_stopped_where_the_id_was_lost_to_a_clone(rig: Rig) -> None:
    clone = Rig(CLONE, beside=rig)
    live(rig, clone)
    lose(rig)
    live(clone)
    rig.line.up = True
    live(clone, rig)
    assert running(rig) == UNITS and len(rig.systemd.starts) == len(UNITS)
    assert "another machine, 10.0.0.2" in faults(rig)
    assert MachineState.from_json(clone.store.value(machine_key("m1")) or "").address == "10.0.0.2"
    clone.want("new.service")
    live(clone, rig)
    assert running(clone) == ["new.service", *UNITS] and running(rig) == UNITS


def test_what_moved_elsewhere_runs_on_until_the_machine_has_its_id_again(rig: Rig) -> None:
    """The instruction to stop went to the clone; of what is not told there, nothing is stopped."""
    other = Rig(OTHER, beside=rig)
    live(rig, other)
    lose(rig)
    for _ in range(4):
        live(other)
    assert running(other) == UNITS
    clone = Rig(CLONE, beside=rig)
    live(clone, other)
    rig.line.up = True
    live(clone, other, rig)
    assert running(clone, other) == UNITS == running(rig) and faults(rig)
    lose(clone)
    for _ in range(3):
        live(rig, other)
    assert rig.fleetd.announced and running(rig, other) == UNITS and not running(rig)


def test_machine_that_boots_within_its_lease_goes_on(rig: Rig) -> None:
    rig.line.hang_up()
    rig.files = MemoryFile(), MemoryFile()
    rig.systemd.reboot()
    rig.start()
    live(rig)
    assert rig.fleetd.announced and not faults(rig) and running(rig) == UNITS


def test_machine_that_gets_another_address_goes_on_when_its_lease_has_ended(rig: Rig) -> None:
    rig.line.hang_up()
    moved = Rig(CLONE, beside=rig)
    moved.fleetd.lease.renew()
    moved.fleetd.step()
    assert not moved.fleetd.announced
    rig.clock.advance(9)
    moved.fleetd.lease.renew()
    rig.clock.advance(2)
    rig.store.tick()
    live(moved)
    assert moved.fleetd.announced and not faults(moved)


@pytest.mark.parametrize("value", ["{", CLONE.to_json()])
def test_record_that_no_machine_has_announced_does_not_keep_one_from_it(
    rig: Rig, value: str
) -> None:
    rig.store.put(machine_key("m1"), value)
    live(rig)
    assert rig.fleetd.announced and not faults(rig)


def test_clone_that_announces_itself_between_look_and_commit_is_seen(rig: Rig) -> None:
    lease = rig.store.grant(60)

    def announce(point: str) -> None:
        if point == f"before commit {machine_key('m1')}":
            rig.line.gate = open_gate
            rig.store.commit([Put(machine_key("m1"), CLONE.to_json(), lease)])

    rig.store.remove(machine_key("m1"))
    rig.line.gate = announce
    live(rig)
    assert json.loads(rig.store.value(machine_key("m1")) or "")["address"] == "10.0.0.2"
    assert "another machine, 10.0.0.2" in faults(rig) and running(rig) == UNITS
    assert any(key.startswith(DUPLICATES) for key in rig.store.entries)
