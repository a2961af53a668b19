"""The fence: fenced units end before the lease can, whatever fleetd does."""

from collections.abc import Collection
from pathlib import Path

import pytest

from fleet_cluster.fleet.coordination.lease import Lease
from fleet_cluster.fleet.lease_file import LeaseRecord
from fleet_cluster.fleet.systemd.dbus import DBusSystemd
from fleet_cluster.fleet.systemd.fence import (
    KILL_AT,
    LOOK_SECONDS,
    STOP_AT,
    Fence,
    FencedUnits,
)
from tests.unit.fleet.agents import Bench
from tests.unit.fleet.fakes.clock import FakeClock, MemoryFile
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
        self.lease = Lease(store, TTL, self.clock, self.file, lambda: None)
        self.running = ["db.service"]
        self.told: list[str] = []
        self.fence = Fence(self.file.load, self.clock, self)

    def up(self) -> list[str]:
        return list(self.running)

    def stop(self, names: Collection[str]) -> None:
        self.told += [f"stop {name}" for name in names]

    def kill(self, names: Collection[str]) -> None:
        self.told += [f"kill {name}" for name in names]

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
    guard.at(KILL_AT - 0.01)
    assert guard.told == ["stop db.service"]
    guard.at(KILL_AT)
    assert guard.told == ["stop db.service", "kill db.service"]


def test_what_starts_while_it_is_closed_is_stopped_too(guard: Guard) -> None:
    guard.at(STOP_AT)
    guard.running = []
    guard.at(KILL_AT)
    guard.running = ["other.service"]
    guard.at(2)
    assert guard.told[1:] == ["stop other.service", "kill other.service"]


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
    assert guard.told == ["stop db.service", "kill db.service"]


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


def test_agent_does_not_start_again_what_ended_by_itself() -> None:
    bench = Bench()
    bench.run("db.service", FENCED)
    bench.systemd.fail("db.service")
    bench.settle()
    assert len(bench.systemd.starts) == 1
