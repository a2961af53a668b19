"""The fence: fenced units end before the lease can, whatever fleetd does."""

import errno
import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

from fleet_cluster.fleet.coordination.lease import Lease
from fleet_cluster.fleet.lease_file import LeaseRecord
from fleet_cluster.fleet.systemd.cgroups import Cgroups
from fleet_cluster.fleet.systemd.dbus import DBusSystemd
from fleet_cluster.fleet.systemd.fence import (
    ENDING,
    KILL_AT,
    LOOK_SECONDS,
    NO_ANSWER,
    STOP_AT,
    Fence,
    FencedUnits,
    systemctl,
)
from tests.unit.fleet.agents import Bench
from tests.unit.fleet.fakes.clock import FakeClock, MemoryFile, no_chance
from tests.unit.fleet.fakes.kv import MemoryKV
from tests.unit.fleet.fakes.units import SLEEPS

TTL = 10
FENCED = SLEEPS + "[X-Fleet]\nFence=true\n"


class Guard:
    """A fence over units that do as they like."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.file = MemoryFile()
        store = MemoryKV(self.clock)
        self.lease = Lease(store, TTL, self.clock, self.file, lambda: None, no_chance)
        self.running = {"db.service": "active"}
        self.containers: set[str] = set()
        self.told: list[str] = []
        self.limits: list[float] = []
        self.fence = Fence(self.file.load, self.clock, self)

    def names(self) -> list[str]:
        return ["db.service", "other.service"]

    def up(self, seconds: float) -> dict[str, str]:
        self.limits.append(seconds)
        return dict(self.running)

    def stop(self, names: Collection[str], seconds: float) -> None:
        self.told += [f"stop {name}" for name in names]
        self.limits.append(seconds)

    def kill(self, names: Collection[str]) -> set[str]:
        killed = set(names) & self.running.keys()
        self.told += [f"kill {name}" for name in killed]
        return killed

    def kill_containers(self) -> set[str]:
        self.told += [f"kill containers of {name}" for name in self.containers]
        return set(self.containers)

    def at(self, share: float) -> float:
        """Look when so much of the lease's time has passed."""
        self.clock.now = 1000 + share * TTL
        return self.fence.step()


@pytest.fixture
def guard() -> Guard:
    guard = Guard()
    guard.lease.renew()
    return guard


def test_while_the_lease_is_renewed_nothing_happens(guard: Guard) -> None:
    for _ in range(10):
        guard.clock.advance(TTL / 3)
        guard.lease.renew()
        assert guard.fence.step() == pytest.approx(STOP_AT * TTL)
    assert guard.told == []


def test_it_looks_again_just_when_the_time_is_over(guard: Guard) -> None:
    assert guard.at(0.5) == pytest.approx((STOP_AT - 0.5) * TTL)
    assert guard.at(STOP_AT) == LOOK_SECONDS and guard.told == ["stop db.service"]


def test_what_does_not_stop_is_killed_before_the_lease_ends(guard: Guard) -> None:
    guard.at(STOP_AT)
    guard.running["db.service"] = ENDING
    assert guard.at(KILL_AT - 0.01) == pytest.approx(0.01 * TTL)
    assert guard.told == ["stop db.service"]
    guard.at(KILL_AT)
    assert guard.told == ["stop db.service", "kill db.service"]


def test_what_was_killed_may_use_its_time_to_end(guard: Guard) -> None:
    guard.at(STOP_AT)
    guard.running["db.service"] = ENDING
    for look in range(5):
        guard.at(KILL_AT + look * 0.01)
    assert guard.told == ["stop db.service", "kill db.service"]


def test_containers_are_killed_whenever_there_are_some(guard: Guard) -> None:
    guard.at(STOP_AT)
    guard.running.clear()
    guard.containers = {"db.service"}
    guard.at(0.8)
    assert guard.told == ["stop db.service"]
    guard.at(KILL_AT)
    guard.at(2)
    assert guard.told[1:] == ["kill containers of db.service"] * 2


def test_what_starts_while_it_is_closed_is_stopped_too(guard: Guard) -> None:
    guard.at(STOP_AT)
    guard.running = {}
    guard.at(KILL_AT)
    guard.running = {"other.service": "active"}
    guard.at(2)
    assert guard.told[1:] == ["stop other.service"]
    guard.running = {"other.service": ENDING}
    guard.at(2.1)
    assert guard.told[1:] == ["stop other.service", "kill other.service"]


def test_what_starts_again_while_it_is_closed_is_stopped_and_killed_again(guard: Guard) -> None:
    guard.at(STOP_AT)
    guard.running["db.service"] = ENDING
    guard.at(KILL_AT)
    guard.running["db.service"] = "activating"
    guard.at(2)
    guard.at(2.1)
    assert guard.told[2:] == ["stop db.service", "kill db.service", "stop db.service"]


def test_systemd_gets_no_longer_to_answer_than_units_have_until_they_are_killed(
    guard: Guard,
) -> None:
    for share in (STOP_AT, 0.7, 0.8, KILL_AT - 0.001):
        before = len(guard.limits)
        pause = guard.at(share)
        spent = sum(guard.limits[before:])
        assert share * TTL + spent <= KILL_AT * TTL + 0.001
        assert share * TTL + pause <= KILL_AT * TTL + 0.001


def test_it_opens_when_the_lease_is_renewed_and_closes_again(guard: Guard) -> None:
    guard.at(STOP_AT)
    guard.lease.renew()
    assert guard.fence.step() > LOOK_SECONDS
    guard.at(3)
    assert guard.told.count("stop db.service") == 2


def test_the_time_counts_from_when_the_renewal_was_asked_for(guard: Guard) -> None:
    guard.clock.advance(2)
    before = guard.clock()
    keep_alive = MemoryKV.keep_alive

    def slow(store: MemoryKV, lease: int) -> int:
        guard.clock.advance(3)
        return keep_alive(store, lease)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryKV, "keep_alive", slow)
        guard.lease.renew()
    lease = LeaseRecord.from_text(guard.file.text)
    assert (lease.renewed_at, lease.ttl) == (before, TTL)


@pytest.mark.parametrize("text", ["", "damaged", "1 2 3 x"])
def test_without_a_note_it_is_closed(guard: Guard, text: str) -> None:
    guard.file.text = text
    assert guard.at(0) == LOOK_SECONDS
    assert guard.told == ["kill db.service", "stop db.service"]


def test_units_run_as_far_as_is_known_when_systemd_does_not_answer(tmp_path: Path) -> None:
    answers = ["", "active\ninactive\n", "failed\ndeactivating\n", "active\n"]

    def answer(*_arguments: str, seconds: float) -> str:
        return answers.pop(0)

    units = FencedUnits(tmp_path, answer)
    assert units.up(1) == {}
    units.note(["a.service", "b.service"])
    assert units.up(1) == {"a.service": NO_ANSWER, "b.service": NO_ANSWER}
    assert units.up(1) == {"a.service": "active"}
    assert units.up(1) == {"b.service": ENDING}
    assert units.up(1) == {"a.service": NO_ANSWER, "b.service": NO_ANSWER}


def test_no_unit_is_taken_for_an_option_of_systemctl(tmp_path: Path) -> None:
    calls: list[tuple[str, ...]] = []

    def note(*arguments: str, seconds: float) -> str:
        calls.append(arguments)
        return "active"

    units = FencedUnits(tmp_path, note)
    units.note(["--all.service"])
    units.up(1)
    units.stop(["--all.service"], 1)
    assert [call[-2:] for call in calls] == [("--", "--all.service")] * 2


def test_systemctl_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "systemctl").write_text("#!/bin/sh\nexec sleep 5\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert systemctl("is-active", "--", "a.service", seconds=0.1) == ""
    assert "systemd has not answered within 0.10 s" in caplog.text


def test_systemctl_that_cannot_be_run_gives_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_process(*_arguments: object, **_options: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    (tmp_path / "a.service").write_text("")
    assert FencedUnits(tmp_path).up(0.1) == {"a.service": NO_ANSWER}


def test_units_and_containers_in_their_slices_are_killed(tmp_path: Path) -> None:
    killed: list[str] = []

    class Kills(Cgroups):
        def has_processes(self, name: str) -> bool:
            return name != "gone.service"

        def kill_unit(self, name: str) -> None:
            assert units.stopped() == {name}, "it would not start again"
            killed.append(name)

        def kill_containers(self, slice: str) -> bool:
            killed.append(slice)
            return True

    systemd = DBusSystemd(tmp_path / "system", tmp_path / "own", tmp_path / "fenced")
    units = FencedUnits(tmp_path / "fenced", files=tmp_path / "own", cgroups=Kills())
    systemd.write({"a@1.service": FENCED, "b@1.service": FENCED + "[Service]\nSlice=%p_%i.slice\n"})
    assert units.kill(["b@1.service", "gone.service"]) == {"b@1.service"}
    assert units.kill_containers() == {"b@1.service"}
    assert killed == ["b@1.service", "b_1.slice"]


def test_files_tell_which_units_are_fenced(tmp_path: Path) -> None:
    systemd = DBusSystemd(tmp_path / "system", tmp_path / "own", tmp_path / "fenced")
    units = FencedUnits(tmp_path / "fenced")
    systemd.write({"a.service": SLEEPS, "db.service": FENCED})
    assert units.names() == ["db.service"] and systemd.fenced() == set()
    units.note(["db.service"], "stopped")
    systemd.write({"db.service": FENCED})
    assert systemd.fenced() == {"db.service"}
    systemd.release(["db.service"])
    assert units.names() == ["db.service"] and systemd.fenced() == set()
    systemd.write({"db.service": SLEEPS})
    assert units.names() == []


def test_agent_starts_again_what_the_fence_stopped_when_the_store_is_connected() -> None:
    bench = Bench()
    bench.run("db.service", FENCED)
    bench.systemd.fence(["db.service"])
    bench.systemd.work()
    assert not bench.systemd.running()
    bench.connected_since = bench.clock()
    bench.settle()
    assert not bench.systemd.running() and len(bench.systemd.starts) == 1
    bench.clock.advance(1)
    bench.settle()
    assert list(bench.systemd.running()) == ["db.service"]
    assert len(bench.systemd.starts) == 2


def test_agent_starts_again_what_was_stopped_before_it_had_noted_the_start() -> None:
    """As when fleetd is killed while it has systemd start the unit."""
    bench = Bench()
    bench.start_without_answer("db.service", FENCED)
    bench.systemd.fence(["db.service"])
    bench.systemd.work()
    bench.restart()
    bench.clock.advance(1)
    bench.settle()
    assert list(bench.systemd.running()) == ["db.service"]
    assert len(bench.systemd.starts) == 2


def test_agent_does_not_start_again_what_ended_by_itself() -> None:
    bench = Bench()
    bench.run("db.service", FENCED)
    bench.systemd.fail("db.service")
    bench.settle()
    assert len(bench.systemd.starts) == 1


@pytest.mark.parametrize(
    ("active", "is_up"),
    [
        ("active", True),
        ("activating", True),
        ("reloading", True),
        ("refreshing", True),
        ("deactivating", True),
        ("inactive", False),
        ("failed", False),
    ],
)
def test_whatever_runs_in_some_way_is_up(tmp_path: Path, active: str, is_up: bool) -> None:
    def answer(*_arguments: str, seconds: float) -> str:
        return f"{active}\n"

    units = FencedUnits(tmp_path, answer)
    units.note(["db.service"])
    assert list(units.up(1)) == ["db.service"] * is_up
