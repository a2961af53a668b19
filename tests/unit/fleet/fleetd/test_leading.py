"""The leader's part comes into memory before a machine stands, and who cannot have it leads not."""

import pytest

from fleet_cluster.fleet.engine import loading
from fleet_cluster.fleet.model.keys import LEADER
from tests.unit.fleet.fakes.units import SLEEPS
from tests.unit.fleet.fleetd.test_loop import ME, Rig
from tests.unit.fleet.fleetd.test_unforeseen import OTHER

RUNS = "hello.service"
LEASE = 10.0


def cannot_read() -> None:
    raise OSError("the disk does not answer")


def pass_time(*rigs: Rig) -> None:
    for _ in range(8):
        for rig in rigs:
            rig.fleetd.lease.renew()
            for _ in range(5):
                rig.fleetd.step()
                rig.systemd.work()
        rigs[0].clock.advance(LEASE / 5)


def test_who_cannot_have_it_stands_for_nothing_and_another_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(loading, "load", cannot_read)
        rig = Rig(ME)
    pass_time(rig)
    assert rig.store.value(LEADER) is None and rig.fleetd.announced
    assert "the disk does not answer" in "".join(rig.fleetd.metrics.faults())
    other = Rig(OTHER, beside=rig)
    rig.want(RUNS, SLEEPS)
    pass_time(rig, other)
    assert rig.store.value(LEADER) == OTHER.id
    assert RUNS in {**rig.systemd.running(), **other.systemd.running()}
    assert not rig.fleetd.metrics.faults()


def test_who_led_before_a_restart_and_cannot_have_it_now_resigns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or nobody would lead as long as its lease lives."""
    rig = Rig(ME)
    pass_time(rig)
    assert rig.store.value(LEADER) == ME.id
    monkeypatch.setattr(loading, "load", cannot_read)
    rig.start()
    rig.fleetd.lease.renew()
    for _ in range(5):
        rig.fleetd.step()
    assert rig.store.value(LEADER) is None and ME.id in str(rig.store.entries)
