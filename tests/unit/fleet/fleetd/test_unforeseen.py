"""A fault of fleetd itself: it is told, and costs nobody but whom it concerns."""

import logging

import pytest

from fleet_cluster.fleet.fleetd.loop import MOST_FAILURES
from fleet_cluster.fleet.model.keys import LEADER, ROOT, SCHEDULE
from fleet_cluster.fleet.model.records import MachineState
from tests.unit.fleet.fakes.clock import open_gate
from tests.unit.fleet.fleetd.test_loop import Rig

RUNS, LATER = "runs.service", "later.service"
OTHER = MachineState("m2", "10.0.0.2", "machine-2", {"role": "web"}, "test")
AS_LEADER = f"before read {ROOT}"
"""Only a leader reads everything."""


def fail_at(rig: Rig, point: str) -> None:
    def fail(at: str) -> None:
        if at == point:
            raise RuntimeError("nobody foresaw this")

    rig.line.gate = fail


def mend(rig: Rig) -> None:
    rig.line.gate = open_gate


def live(*rigs: Rig) -> None:
    for _ in range(5):
        for _ in range(5):
            for rig in rigs:
                rig.fleetd.lease.renew()
                rig.fleetd.step()
                rig.systemd.work()
        rigs[0].clock.advance(3)


def running(*rigs: Rig) -> list[str]:
    return sorted(unit for rig in rigs for unit in rig.systemd.running())


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    live(rig)
    rig.want(RUNS)
    live(rig)
    assert running(rig) == [RUNS]
    return rig


@pytest.mark.parametrize("point", [AS_LEADER, f"before read {SCHEDULE}m1/", "before get"])
def test_unforeseen_error_is_a_trouble_and_the_loop_goes_on(
    rig: Rig, point: str, caplog: pytest.LogCaptureFixture
) -> None:
    fail_at(rig, point)
    rig.line.hang_up()
    rig.fleetd._agent.resync()  # pyright: ignore[reportPrivateUsage]
    rig.want(LATER)
    live(rig)
    (fault,) = rig.fleetd.metrics.faults()
    assert "nobody foresaw this" in fault and "units run on" in fault
    assert RUNS in running(rig) and rig.fleetd.lease.id in rig.store.leases
    told = [one for one in caplog.records if "nobody foresaw" in one.message and one.exc_info]
    assert len(told) == 1 and told[0].levelno == logging.WARNING
    mend(rig)
    live(rig)
    assert running(rig) == [LATER, RUNS] and not rig.fleetd.metrics.faults()


def test_what_fails_on_its_own_machine_goes_on_leading(rig: Rig) -> None:
    other = Rig(OTHER, beside=rig)
    live(rig, other)
    fail_at(rig, "before get")  # What a machine asks for before it starts a unit.
    for number in range(4):
        rig.want(f"u{number}.service")
    live(rig, other)
    assert rig.store.value(LEADER) == "m1" and len(running(other)) >= 2


def test_leader_that_keeps_failing_leaves_it_to_another(rig: Rig) -> None:
    other = Rig(OTHER, beside=rig)
    live(rig, other)
    assert rig.store.value(LEADER) == "m1"
    fail_at(rig, AS_LEADER)
    rig.line.hang_up()
    rig.want(LATER)
    live(rig, other)
    assert rig.store.value(LEADER) == "m2" and running(rig, other) == [LATER, RUNS]
    assert not other.fleetd.metrics.faults()
    mend(rig)
    live(rig, other)
    assert rig.store.value(LEADER) == "m2"


def test_leader_that_fails_once_leads_on(rig: Rig) -> None:
    other = Rig(OTHER, beside=rig)
    live(rig, other)
    term = rig.store.entries[LEADER].create_revision
    fail_at(rig, AS_LEADER)
    rig.line.hang_up()
    for _ in range(MOST_FAILURES - 1):
        rig.fleetd.step()
    mend(rig)
    rig.want(LATER)
    live(rig, other)
    assert rig.store.entries[LEADER].create_revision == term
    assert running(rig, other) == [LATER, RUNS]


def test_leader_that_keeps_failing_leads_on_where_there_is_nobody_else(rig: Rig) -> None:
    fail_at(rig, AS_LEADER)
    rig.line.hang_up()
    live(rig)
    mend(rig)
    rig.want(LATER)
    live(rig)
    assert running(rig) == [LATER, RUNS]
