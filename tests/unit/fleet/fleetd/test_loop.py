"""The loop environment agent and leader."""

import logging
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from fleet_cluster.fleet import VERSION
from fleet_cluster.fleet.backoff import REFUSED_SECONDS
from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.coordination import debounce
from fleet_cluster.fleet.coordination.election import YIELD_SECONDS
from fleet_cluster.fleet.fleetd import process
from fleet_cluster.fleet.fleetd.environment import Environment
from fleet_cluster.fleet.fleetd.loop import (
    RETRY_SECONDS,
    Fleetd,
)
from fleet_cluster.fleet.fleetd.process import run
from fleet_cluster.fleet.fleetd.restraint import SPREAD_SECONDS
from fleet_cluster.fleet.kv import KVRefusedError, Put
from fleet_cluster.fleet.model.keys import (
    CLUSTER,
    LEADER,
    SCHEDULE,
    file_key,
    machine_key,
    metadata_key,
    order_key,
    schedule_key,
    state_key,
    unit_key,
)
from fleet_cluster.fleet.model.records import (
    LAYOUT_VERSION,
    Assignment,
    Cluster,
    DesiredState,
    MachineState,
    Metadata,
    Order,
    Unit,
    UnitState,
    Verb,
)
from fleet_cluster.fleet.systemd.manager import SystemdError, UnitStatus
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.clock import FakeClock, MemoryFile, open_gate
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.kv import MemoryKV
from tests.unit.fleet.fakes.systemd import FakeSystemd
from tests.unit.fleet.fakes.units import SLEEPS
from tests.unit.fleet.simulation.node import assert_foreseen

INTERVAL = 3600.0
ME = MachineState("m1", "10.0.0.1", "machine-1", {"role": "web"}, "test")


class Rig:
    """One fleetd."""

    def __init__(self, machine: MachineState = ME, beside: "Rig | None" = None) -> None:
        """`beside`: another machine of its cluster."""
        self.machine = machine
        self.clock = beside.clock if beside else FakeClock()
        self.store = beside.store if beside else MemoryKV(self.clock)
        self.line = Connection(self.store)
        self.systemd = FakeSystemd(self.clock)
        self.files = MemoryFile(), MemoryFile()
        self.woken = False
        self.is_reboot_required = False
        self.chance = 0.0
        self.settings = Config(("x",), reconcile_interval=INTERVAL)
        self.start()

    def start(self) -> None:
        environment = Environment(
            self.line,
            self.systemd,
            self.clock,
            self.files[0],
            self.files[1],
            self._wake,
            wall_clock=self.clock,
            chance=lambda: self.chance,
            is_reboot_required=lambda: self.is_reboot_required,
        )
        self.fleetd = Fleetd(self.machine, self.settings, environment)

    def live(self, rounds: int = 10) -> None:
        """Wake it as long as it is woken."""
        self.fleetd.lease.renew()
        for _ in range(rounds):
            self.fleetd.step()
            assert_foreseen(self.fleetd)
            self.systemd.work()

    def pass_pause(self) -> float:
        """Do a round, and wait for as long as it says: seconds."""
        seconds = self.fleetd.step()
        self.clock.advance(seconds)
        return seconds

    def want(self, unit: str, text: str = SLEEPS) -> None:
        self.store.put(file_key(sha_of(text)), text)
        self.store.put(unit_key(unit), Unit(sha_of(text), DesiredState.LAUNCHED).to_json())

    def _wake(self) -> None:
        self.woken = True


@pytest.fixture
def rig() -> Rig:
    """One that has been up long enough to know that no other machine runs anything."""
    rig = Rig()
    for _ in range(5):
        rig.live()
        rig.clock.advance(3)
    return rig


def test_new_fleetd_lets_all_machines_announce_themselves_before_it_places_anything() -> None:
    rig = Rig()
    rig.want("hello.service")
    rig.live()
    assert rig.store.value(LEADER) is None
    rig.clock.advance(4)
    rig.live()
    assert rig.store.value(LEADER) == "m1" and not rig.systemd.running()
    rig.clock.advance(4)
    rig.live()
    rig.clock.advance(2)
    rig.live()
    assert list(rig.systemd.running()) == ["hello.service"]


def set_layout(rig: Rig, layout: int) -> None:
    cluster = Cluster.from_json(rig.store.value(CLUSTER) or "")
    rig.store.put(CLUSTER, replace(cluster, layout=layout).to_json())


def test_data_of_a_newer_layout_are_refused_and_nothing_is_stopped(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.want("hello.service")
    rig.live()
    sha = sha_of(SLEEPS)
    set_layout(rig, LAYOUT_VERSION + 1)
    for name, desired in (("hello", DesiredState.INACTIVE), ("new", DesiredState.LAUNCHED)):
        instruction = Assignment(sha, desired).to_json()
        rig.store.put(schedule_key("m1", f"{name}.service"), instruction)
    rig.store.put(order_key("m1", "hello.service"), Order(Verb.RESTART).to_json())
    for _ in range(2):
        rig.live()
        assert list(rig.systemd.running()) == ["hello.service"] and len(rig.systemd.starts) == 1
        assert rig.store.value(LEADER) is None and rig.fleetd.lease.id in rig.store.leases
        (fault,) = rig.fleetd.metrics.faults()
        assert f"layout {LAYOUT_VERSION + 1}, and fleetd {VERSION}" in fault
        assert "pulumi up" in fault
        rig.start()
    assert caplog.text.count("data have layout") == 2, "once for each fleetd"


def test_data_of_a_known_layout_are_followed_again(rig: Rig) -> None:
    set_layout(rig, LAYOUT_VERSION + 1)
    rig.want("hello.service")
    rig.live()
    assert not rig.systemd.running()
    set_layout(rig, LAYOUT_VERSION)
    rig.live()
    assert list(rig.systemd.running()) == ["hello.service"] and rig.store.value(LEADER) == "m1"
    assert not rig.fleetd.metrics.faults()


def test_first_fleetd_names_the_cluster_announces_itself_and_leads(rig: Rig) -> None:
    rig.live()
    cluster = Cluster.from_json(rig.store.value(CLUSTER) or "")
    assert cluster.id and cluster.layout == 1
    assert rig.store.value(machine_key("m1")) == ME.to_json()
    assert rig.store.value(LEADER) == "m1" and rig.fleetd.announced


def test_unit_in_the_store_runs(rig: Rig) -> None:
    rig.live()
    rig.want("hello.service")
    rig.live()
    state = UnitState.from_json(rig.store.value(state_key("m1", "hello.service")) or "")
    assert "hello.service" in rig.systemd.running() and state.active == "active"


def test_many_assignments_are_awaited_for_a_moment_and_loaded_at_once(rig: Rig) -> None:
    for number in range(debounce.LARGE):
        rig.want(f"web@{number}.service")
    while not rig.store.read(SCHEDULE).entries:
        rig.fleetd.step()
    assert rig.fleetd.step() == debounce.SECONDS and not rig.systemd.disk
    rig.live()
    assert len(rig.systemd.running()) == debounce.LARGE
    assert rig.systemd.calls.count("reload") == 1


def test_everything_comes_by_watch(rig: Rig) -> None:
    rig.live()
    rig.woken = False
    rig.want("hello.service")
    assert rig.woken
    rig.live()
    rig.woken = False
    rig.systemd.fail("hello.service")
    assert rig.woken


def test_idle_rounds_ask_the_store_nothing(rig: Rig) -> None:
    rig.want("hello.service")
    rig.live()
    asked: list[str] = []
    rig.line.gate = asked.append
    seconds = rig.fleetd.step()
    assert asked == [] and 0 < seconds <= INTERVAL


def test_removed_announcement_is_made_again(rig: Rig) -> None:
    rig.live()
    rig.store.remove(machine_key("m1"))
    rig.live()
    assert rig.store.value(machine_key("m1")) == ME.to_json()


def test_lost_lease_is_replaced_and_everything_announced_again(rig: Rig) -> None:
    rig.want("hello.service")
    rig.live()
    rig.store.revoke(rig.fleetd.lease.id)
    assert rig.store.value(LEADER) is None
    rig.systemd.fail("hello.service")
    rig.fleetd.step()
    assert rig.fleetd.lease.hurry.is_set()
    rig.live()
    rig.clock.advance(YIELD_SECONDS)  # It was disconnected: others may lead.
    rig.live()
    for key in (machine_key("m1"), LEADER, state_key("m1", "hello.service")):
        assert rig.store.entries[key].lease == rig.fleetd.lease.id


def test_an_order_waits_until_the_machine_is_known(rig: Rig) -> None:
    """By then the unit may be another machine's."""
    rig.want("hello.service")
    rig.live()
    rig.store.revoke(rig.fleetd.lease.id)
    order = Put(
        order_key("m1", "hello.service"), Order(Verb.RESTART).to_json(), rig.store.grant(60)
    )
    rig.store.commit([order])
    rig.fleetd.step()
    assert "restart hello.service" not in rig.systemd.calls
    rig.live()
    assert "restart hello.service" in rig.systemd.calls


def test_states_are_known_before_the_machine_is(rig: Rig) -> None:
    rig.want("hello.service")
    rig.live()
    rig.store.revoke(rig.fleetd.lease.id)
    rig.live()
    state, machine = state_key("m1", "hello.service"), machine_key("m1")
    entries = rig.store.entries
    assert entries[state].mod_revision < entries[machine].mod_revision


def test_emptied_store_is_seen_anew_and_then_trusted_again(rig: Rig) -> None:
    rig.want("hello.service")
    rig.live()
    rig.clock.advance(4)
    rig.live()
    rig.store.remove(*rig.store.entries)
    rig.fleetd.step()
    assert rig.fleetd.lease.connected_for() == 0
    rig.want("hello.service")
    for _ in range(4):
        rig.clock.advance(3)
        rig.live()
    rig.clock.advance(9)
    rig.want("new.service")
    rig.live()
    assert sorted(rig.systemd.running()) == ["hello.service", "new.service"]
    assert [one.name for one in rig.systemd.starts] == ["hello.service", "new.service"]


def test_restored_store_gets_another_id_once(rig: Rig) -> None:
    rig.want("hello.service")
    rig.live()
    before = rig.store.value(CLUSTER)
    snapshot = rig.store.read("")
    rig.store.put("/app/more", "1")
    rig.live()
    assert rig.store.value(CLUSTER) == before
    rig.want("later.service")
    rig.live()
    rig.store.restore(snapshot)
    rig.live()
    named = rig.store.value(CLUSTER)
    assert named and named != before
    rig.clock.advance(30)
    rig.live()
    assert rig.store.value(CLUSTER) == named
    assert sorted(rig.systemd.running()) == ["hello.service", "later.service"]


class Ended(threading.Event):
    """SIGTERM comes while fleetd waits for something to do."""

    def wait(self, timeout: float | None = None) -> bool:
        raise SystemExit


def test_lease_is_given_back_only_when_the_machine_goes_down(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.live()
    # A thread that renews the lease for ever, of a store that ends with the test.
    monkeypatch.setattr(rig.fleetd.lease, "run", lambda: None)
    for going_down in (False, True):
        rig.systemd.going_down = going_down
        with pytest.raises(SystemExit):
            run(rig.fleetd, rig.systemd, Ended())
        assert (machine_key("m1") in rig.store.entries) is not going_down


def test_the_lease_is_kept_while_a_fenced_unit_is_being_stopped(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.live()
    monkeypatch.setattr(rig.fleetd.lease, "run", lambda: None)
    kept: list[bool] = []

    def pause(_seconds: float) -> None:
        kept.append(machine_key("m1") in rig.store.entries)

    monkeypatch.setattr(process.time, "sleep", pause)
    rig.systemd.going_down = True
    rig.systemd.fenced_looks = [{"ledger.service"}, {"ledger.service"}]
    with pytest.raises(SystemExit):
        run(rig.fleetd, rig.systemd, Ended())
    assert kept == [True, True]
    assert machine_key("m1") not in rig.store.entries


def test_systemd_that_reads_nothing_stops_no_loop(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its queue takes a few signs, then none."""
    rig.live()
    monkeypatch.setattr(rig.fleetd.lease, "run", lambda: None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        for _ in range(600):
            with pytest.raises(SystemExit):
                run(rig.fleetd, rig.systemd, Ended())


@pytest.mark.parametrize("hangs", [False, True])
def test_systemd_hears_nothing_while_the_thread_of_the_lease_hangs(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hangs: bool
) -> None:
    rig.live()
    monkeypatch.setattr(rig.fleetd.lease, "run", lambda: None)
    monkeypatch.setattr(rig.fleetd.lease, "hangs", lambda: hangs)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with pytest.raises(SystemExit):
            run(rig.fleetd, rig.systemd, Ended())
        try:
            heard = systemd.recv(100)
        except BlockingIOError:
            heard = b""
    assert heard == (b"" if hangs else b"WATCHDOG=1\nREADY=1")


def test_restart_touches_nothing(rig: Rig) -> None:
    rig.want("hello.service")
    rig.live()
    revision, lease = rig.store.revision, rig.fleetd.lease.id
    rig.systemd.calls.clear()
    rig.start()
    rig.live()
    assert (rig.store.revision, rig.fleetd.lease.id) == (revision, lease)
    assert rig.systemd.calls == []


def test_store_away_is_told_once_and_tried_again(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.want("hello.service")
    rig.live()
    rig.line.cut()
    with caplog.at_level(logging.INFO):
        pauses = [rig.pass_pause() for _ in range(6)]
        rig.line.up = True
        rig.live()
    assert [pause / RETRY_SECONDS for pause in pauses] == [0.5, 1, 1, 1, 1, 1]
    told = [record.message for record in caplog.records]
    assert len([one for one in told if "the store is not available" in one]) == 1
    assert "the store works again" in told
    assert len(rig.systemd.starts) == 1


def test_refused_writes_become_rare_however_often_the_loop_is_woken(rig: Rig) -> None:
    """As with an etcd that has no room, while what runs here changes all the time."""
    written: list[str] = []

    def refuse(point: str) -> None:
        if point.startswith("before commit"):
            written.append(point)
            raise KVRefusedError("mvcc: database space exceeded")

    rig.want("hello.service")
    rig.live()
    rig.line.gate = refuse
    rig.systemd.fail("hello.service")
    for _ in range(600):
        rig.fleetd.step()
        rig.clock.advance(0.05)
    assert 0 < len(written) <= 32, f"{len(written)} in 30 s"
    rig.line.gate = open_gate
    rig.clock.advance(REFUSED_SECONDS)
    rig.live()
    state = UnitState.from_json(rig.store.value(state_key("m1", "hello.service")) or "")
    assert state.active == "failed"


def test_machines_whose_watches_end_together_read_again_one_after_the_other(rig: Rig) -> None:
    """Each by its own chance; only the first loss is waited for."""
    read: list[str] = []
    rig.chance = 0.5

    def note(point: str) -> None:
        if point.startswith("before read"):
            read.append(point)

    rig.line.gate = note
    rig.line.hang_up()
    assert rig.fleetd.step() == SPREAD_SECONDS / 2
    rig.clock.advance(SPREAD_SECONDS / 2 - 0.1)
    assert rig.fleetd.step() == pytest.approx(0.1)
    assert read == []
    rig.clock.advance(0.1)
    rig.live()
    assert f"before read {LEADER}" in read and len(read) == len(set(read))


def test_machine_whose_systemd_is_sick_still_leads(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.live()

    def sick(names: object) -> dict[str, UnitStatus]:
        raise SystemdError("no answer")

    monkeypatch.setattr(rig.systemd, "status", sick)
    rig.want("hello.service")
    rig.live()
    assert rig.store.value("/fleet/schedule/m1/hello.service")
    monkeypatch.undo()
    rig.live()
    assert "hello.service" in rig.systemd.running()


def test_full_reconcile_mends_what_no_event_told(rig: Rig) -> None:
    rig.want("hello.service")
    rig.live()
    rig.systemd.disk.clear()
    rig.store.remove(state_key("m1", "hello.service"))
    rig.live()
    assert rig.systemd.disk == {}
    rig.clock.advance(INTERVAL)
    rig.live()
    assert "hello.service" in rig.systemd.disk
    assert rig.store.value(state_key("m1", "hello.service"))


def announced(rig: Rig) -> MachineState:
    return MachineState.from_json(rig.store.entries[machine_key(ME.id)].value)


def test_metadata_that_is_set_is_announced_and_no_unit_notices(rig: Rig) -> None:
    rig.want("hello.service")
    rig.live()
    calls = list(rig.systemd.calls)
    rig.store.put(metadata_key(ME.id), Metadata({"disk": "ssd", "role": ""}).to_json())
    rig.live()
    assert announced(rig).metadata == {"disk": "ssd"}
    assert rig.systemd.calls == calls


def test_a_restarted_fleetd_announces_what_was_set_and_nothing_else(rig: Rig) -> None:
    rig.store.put(metadata_key(ME.id), Metadata({"disk": "ssd"}).to_json())
    rig.live()
    seen: list[MachineState] = []
    rig.store.watch(
        machine_key(ME.id), rig.store.revision, lambda _: seen.append(announced(rig)), lambda: None
    )
    rig.start()
    rig.live()
    assert {tuple(machine.metadata.items()) for machine in [*seen, announced(rig)]} == {
        (("disk", "ssd"), ("role", "web"))
    }


def test_the_version_of_etcd_is_announced_as_it_is_now(rig: Rig) -> None:
    rig.live()
    assert announced(rig).etcd == ""
    rig.fleetd.metrics.etcd_version = "3.6.16"
    rig.live()
    assert announced(rig).etcd == "3.6.16"
    seen: list[str] = []
    rig.store.watch(
        machine_key(ME.id),
        rig.store.revision,
        lambda _: seen.append(announced(rig).etcd),
        lambda: None,
    )
    rig.start()
    rig.live()
    # Until the member has been asked.
    assert set(seen) <= {"3.6.16"} and announced(rig).etcd == "3.6.16"
    rig.fleetd.metrics.etcd_version = "3.6.17"
    rig.live()
    assert announced(rig).etcd == "3.6.17"
    rig.fleetd.metrics.etcd_version = ""
    rig.live()
    assert announced(rig).etcd == ""


def test_metadata_whose_record_vanishes_stays(rig: Rig) -> None:
    rig.store.put(metadata_key(ME.id), Metadata({"disk": "ssd"}).to_json())
    rig.live()
    rig.store.remove(metadata_key(ME.id))
    rig.live()
    assert announced(rig).metadata == {"disk": "ssd", "role": "web"}


def test_metadata_that_cannot_be_read_changes_nothing(rig: Rig) -> None:
    rig.store.put(metadata_key(ME.id), "[]")
    rig.live()
    assert announced(rig).metadata == {"role": "web"}
    assert "no use" in rig.fleetd.metrics.troubles["the metadata"]


def test_full_disk_is_told_and_costs_neither_the_lease_nor_what_runs(rig: Rig) -> None:
    rig.live()
    rig.want("a.service")
    rig.live()
    lease = rig.fleetd.lease.id
    for file in rig.files:
        file.full = True
    rig.want("b.service")
    for _ in range(10):
        rig.clock.advance(3)
        rig.live()
    assert rig.fleetd.lease.id == lease and rig.fleetd.announced
    assert list(rig.systemd.running()) == ["a.service"]
    (fault,) = rig.fleetd.metrics.faults()
    assert "No space left on device" in fault and "make room on /run" in fault
    for file in rig.files:
        file.full = False
    rig.live()
    assert sorted(rig.systemd.running()) == ["a.service", "b.service"]
    assert not rig.fleetd.metrics.faults()


def test_that_a_reboot_is_required_is_announced_and_measured() -> None:
    rig = Rig()
    rig.live()
    rig.is_reboot_required = True
    rig.live()
    record = MachineState.from_json(rig.store.value(machine_key("m1")) or "")
    assert record.reboot_required and rig.fleetd.metrics.reboot_required
    rig.is_reboot_required = False
    rig.live()
    record = MachineState.from_json(rig.store.value(machine_key("m1")) or "")
    assert not record.reboot_required and not rig.fleetd.metrics.reboot_required


def test_how_many_units_fit_nowhere_is_measured_where_fleetd_leads(rig: Rig) -> None:
    assert rig.fleetd.metrics.unplaced == 0
    rig.want("a.service", SLEEPS + "[X-Fleet]\nMachineMetadata=role=db\n")
    rig.live()
    assert rig.fleetd.metrics.unplaced == 1
    follower = Rig(replace(ME, id="m2", address="10.0.0.2", hostname="machine-2"), beside=rig)
    follower.live()
    assert follower.fleetd.metrics.unplaced is None
