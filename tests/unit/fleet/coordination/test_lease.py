"""The machine's lease."""

import pytest

from fleet_cluster.fleet.coordination.lease import (
    BEAT_SECONDS,
    HANG_SECONDS,
    RETRY_SECONDS,
    SPREAD,
    Lease,
)
from fleet_cluster.fleet.kv import KVRefusedError, KVUnavailableError
from tests.unit.fleet.fakes.clock import FakeClock, MemoryFile, no_chance, open_gate
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.kv import MemoryKV

TTL = 10


class Desk:
    """A lease and what it works with."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryKV(self.clock)
        self.line = Connection(self.store)
        self.file = MemoryFile()
        self.wakes = 0
        self.restart()

    def restart(self, ttl: int = TTL) -> None:
        self.lease = Lease(self.line, ttl, self.clock, self.file, self.wake, no_chance)

    def wake(self) -> None:
        self.wakes += 1

    def live(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.lease.renew()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_first_lease_wakes_the_loop(desk: Desk) -> None:
    desk.lease.renew()
    assert desk.lease.id in desk.store.leases and desk.wakes == 1
    desk.live(3)
    assert desk.wakes == 1


def test_restarted_fleetd_resumes_its_lease_and_its_time_connected(desk: Desk) -> None:
    desk.lease.renew()
    desk.live(15)
    lease = desk.lease.id
    desk.restart()
    desk.lease.renew()
    assert desk.lease.id == lease and desk.lease.connected_for() == 15


def test_another_lease_time_takes_effect_at_once(desk: Desk) -> None:
    desk.lease.renew()
    before = desk.lease.id
    desk.restart(TTL // 2)
    desk.lease.renew()
    lease = desk.lease.id
    assert lease != before and desk.store.leases[lease].ttl == TTL // 2
    desk.lease.renew()
    assert desk.lease.id == lease


def test_resumed_lease_does_not_claim_more_time_connected_than_there_was(desk: Desk) -> None:
    desk.lease.renew()
    desk.restart()
    desk.lease.renew()
    assert desk.lease.connected_for() == 0


@pytest.mark.parametrize("text", ["", "garbage", "1 2 3"])
def test_unusable_file_gives_a_new_lease(desk: Desk, text: str) -> None:
    desk.file.text = text
    desk.lease.renew()
    assert desk.lease.id in desk.store.leases


def test_expired_lease_is_replaced(desk: Desk) -> None:
    desk.lease.renew()
    old = desk.lease.id
    desk.store.revoke(old)
    desk.live(1)
    assert desk.lease.id not in (0, old) and desk.wakes == 2
    assert desk.lease.connected_for() == 0


def test_time_connected_counts_while_renewals_succeed(desk: Desk) -> None:
    desk.lease.renew()
    desk.live(12)
    assert desk.lease.connected_for() == 12


def test_disconnected_after_half_a_lease_without_success(desk: Desk) -> None:
    desk.lease.renew()
    desk.live(12)
    desk.line.up = False
    desk.clock.advance(TTL / 2)
    with pytest.raises(KVUnavailableError):
        desk.lease.renew()
    assert desk.lease.connected_for() > 0
    desk.clock.advance(0.5)
    assert desk.lease.connected_for() == 0
    desk.line.up = True
    desk.store.extend_leases()
    desk.lease.renew()
    assert desk.lease.connected_for() == 0
    desk.live(3)
    assert desk.lease.connected_for() == 3


def test_another_store_starts_the_count_again(desk: Desk) -> None:
    desk.lease.renew()
    desk.live(12)
    desk.lease.identity_changed()
    assert desk.lease.connected_for() == 0


def test_end_gives_the_lease_back(desk: Desk) -> None:
    desk.lease.end()
    desk.lease.renew()
    desk.lease.end()
    assert desk.store.leases == {}


def test_lease_that_is_refused_is_asked_for_less_and_less_often(desk: Desk) -> None:
    """As with an etcd that has no room."""
    desk.line.gate = _refuse_grants
    pauses = [desk.lease.attempt() for _ in range(6)]
    assert [pause / RETRY_SECONDS for pause in pauses] == [0.5, 1, 2, 4, 5, 5]
    desk.line.gate = open_gate
    desk.lease.attempt()
    desk.store.revoke(desk.lease.id)
    desk.line.gate = _refuse_grants
    assert desk.lease.attempt() == RETRY_SECONDS / 2


def _refuse_grants(point: str) -> None:
    if point == "before grant":
        raise KVRefusedError("mvcc: database space exceeded")


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, TTL / 3), (1.0, TTL / 3 * (1 - SPREAD))])
def test_renewals_do_not_stay_at_the_same_moment(desk: Desk, chance: float, seconds: float) -> None:
    lease = Lease(desk.line, TTL, desk.clock, desk.file, desk.wake, lambda: chance)
    assert lease.attempt() == seconds


def test_a_thread_that_does_not_come_back_from_the_store_is_known(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[bool]()

    def answers_late(_: int) -> int:
        for seconds in (HANG_SECONDS, 1):
            desk.clock.advance(seconds)
            seen.append(desk.lease.hangs())
        return TTL

    assert not desk.lease.hangs(), "it has not begun"
    desk.lease.attempt()
    monkeypatch.setattr(desk.line, "keep_alive", answers_late)
    desk.lease.attempt()
    assert seen == [False, True]
    desk.clock.advance(2 * HANG_SECONDS)
    assert not desk.lease.hangs(), "it has come back"


def test_a_lease_whose_loop_hangs_ends(desk: Desk) -> None:
    desk.clock.advance(BEAT_SECONDS)
    assert not desk.lease.is_abandoned()
    desk.clock.advance(1)
    assert desk.lease.is_abandoned()
    desk.lease.beat()
    assert not desk.lease.is_abandoned()
    assert desk.lease.hurry.is_set(), "a loop that has come back waits for nothing"


def test_the_thread_renews_no_lease_whose_loop_hangs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[int]()
    pauses = list[float]()

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        desk.clock.advance(BEAT_SECONDS + 1)
        if len(pauses) == 3:
            raise SystemExit

    def keep_alive(lease: int) -> int:
        asked.append(lease)
        return TTL

    desk.lease.renew()
    monkeypatch.setattr(desk.line, "keep_alive", keep_alive)
    monkeypatch.setattr(desk.lease.hurry, "wait", wait)
    with pytest.raises(SystemExit):
        desk.lease.run()
    assert len(asked) == 1 and pauses[1:] == [TTL / 3, TTL / 3]
