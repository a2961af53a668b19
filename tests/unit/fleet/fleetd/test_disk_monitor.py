"""A machine's disks: what is told of them, and what is done about them."""

import logging

import pytest

from fleet_cluster.fleet.disks.file_systems import GIB, MIB, RUN, FileSystem
from fleet_cluster.fleet.fleetd.condition import LASTING_SECONDS
from fleet_cluster.fleet.fleetd.disk_monitor import PRUNE_SECONDS, DiskMonitor
from fleet_cluster.fleet.fleetd.metrics import render
from fleet_cluster.fleet.systemd.manager import SystemdError
from tests.unit.fleet.fakes.clock import FULL
from tests.unit.fleet.fleetd.test_condition import pass_seconds, told
from tests.unit.fleet.fleetd.test_loop import Rig

AMPLE = [FileSystem("/", 20 * GIB, 9 * GIB), FileSystem(RUN, GIB, GIB // 2)]
SHORT = [FileSystem("/", 20 * GIB, 300 * MIB), FileSystem(RUN, GIB, GIB // 2)]
FULL_RUN = [FileSystem("/", 20 * GIB, 9 * GIB), FileSystem(RUN, GIB, MIB)]


class Machine:
    """One machine with a unit, and disks as a test has them."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.disks = AMPLE
        self.pruned = 0
        self.reserve_fault: OSError | None = None
        self.monitor = DiskMonitor(
            lambda: self.disks,
            self._keep_reserve,
            self._prune,
            self.rig.fleetd.metrics,
            lambda: None,
            self.rig.clock,
        )
        self.rig.want("a.service")
        self.live(30)
        assert list(self.rig.systemd.running()) == ["a.service"]

    def live(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.monitor.look()
            pass_seconds(self.rig, 1)

    def _keep_reserve(self) -> None:
        if self.reserve_fault:
            raise self.reserve_fault

    def _prune(self) -> None:
        self.pruned += 1


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_machine_short_of_room_says_so_and_gets_nothing_new(machine: Machine) -> None:
    machine.disks = SHORT
    machine.live(LASTING_SECONDS + 2)
    assert told(machine.rig) == "/ is short of room"
    (fault,) = machine.rig.fleetd.metrics.faults()
    assert fault == "/: / has 300 of 20480 MiB left: nothing new is to start here; make room"
    machine.rig.want("b.service")
    machine.live(3)
    assert list(machine.rig.systemd.running()) == ["a.service"]
    machine.disks = AMPLE
    machine.live(LASTING_SECONDS + 2)
    assert told(machine.rig) == "" and not machine.rig.fleetd.metrics.faults()
    assert sorted(machine.rig.systemd.running()) == ["a.service", "b.service"]


def test_a_disk_that_fills_again_is_pruned_again_at_once(machine: Machine) -> None:
    for disks in (SHORT, AMPLE, SHORT):
        machine.disks = disks
        machine.live(3)
    assert machine.pruned == 2


def test_its_record_is_not_written_again_while_it_fills(machine: Machine) -> None:
    machine.disks = SHORT
    machine.live(LASTING_SECONDS + 2)
    revision = machine.rig.store.revision
    machine.disks = [FileSystem("/", 20 * GIB, 200 * MIB)]
    machine.live(LASTING_SECONDS + 2)
    assert machine.rig.store.revision == revision
    assert "200 of 20480 MiB" in machine.rig.fleetd.metrics.faults()[0]


def test_a_silent_systemd_keeps_none_of_it_back(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(names: object) -> None:
        raise SystemdError("no answer")

    monkeypatch.setattr(machine.rig.systemd, "down", silent)
    machine.disks = SHORT
    machine.live(LASTING_SECONDS + 2)
    assert "/ is short of room" in told(machine.rig)


def test_images_are_pruned_at_once_where_there_is_no_room_and_now_and_then(
    machine: Machine,
) -> None:
    machine.disks = SHORT
    machine.live(30)
    assert machine.pruned == 1
    machine.live(PRUNE_SECONDS)
    assert machine.pruned == 2


def test_they_are_not_for_run(machine: Machine) -> None:
    machine.disks = FULL_RUN
    machine.live(LASTING_SECONDS + 2)
    assert machine.pruned == 0 and told(machine.rig) == "/run is short of room"


def test_a_reserve_that_cannot_be_kept_is_logged_once(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.reserve_fault = FULL
    with caplog.at_level(logging.WARNING):
        machine.live(20)
    assert [one.message for one in caplog.records] == [f"no room can be kept for etcd: {FULL}"]


def test_what_is_left_is_a_metric(machine: Machine) -> None:
    machine.disks = [FileSystem("/", 2000, 1000, 50, 40), FileSystem("/x", 0, 0, fault="gone")]
    machine.monitor.look()
    text = render(machine.rig.fleetd.metrics)
    assert 'fleet_filesystem_free_bytes{path="/"} 1000\n' in text
    assert 'fleet_filesystem_size_bytes{path="/"} 2000\n' in text
    assert 'fleet_filesystem_free_inodes{path="/"} 40\n' in text
    assert '{path="/x"}' not in text
