"""etcd at its limit (alarm NOSPACE): it deletes, it renews leases, and it takes nothing new."""

import pytest

from fleet_cluster.fleet.fleetd.loop import RETRY_SECONDS
from fleet_cluster.fleet.model.keys import LEADER, state_key
from tests.unit.fleet.fakes.clock import open_gate
from tests.unit.fleet.fleetd.test_loop import Rig


@pytest.fixture
def rig() -> Rig:
    """One machine, which leads, and has a unit to place."""
    rig = Rig()
    for _ in range(5):
        rig.live()
        rig.clock.advance(3)
    rig.want("a.service")
    return rig


def term(rig: Rig) -> int:
    entry = rig.store.entries.get(LEADER)
    return entry.create_revision if entry else 0


def test_leader_goes_on_when_there_is_room_again(rig: Rig) -> None:
    before = term(rig)
    rig.store.full = True
    rig.live()
    assert before and term(rig) == before
    assert "database space exceeded" in rig.fleetd.metrics.faults()[0]
    rig.store.full = False
    rig.clock.advance(RETRY_SECONDS)
    rig.live()
    assert list(rig.systemd.running()) == ["a.service"] and term(rig) == before


def test_leader_that_has_to_resign_waits_until_another_can_be_elected(rig: Rig) -> None:
    """A leadership that was deleted could not be taken by anybody."""
    before = term(rig)

    def lose(point: str) -> None:
        rig.line.mute |= point.startswith("before commit /fleet/schedule")

    rig.line.gate = lose
    rig.fleetd.step()
    assert rig.line.mute
    rig.line.gate, rig.line.mute, rig.store.full = open_gate, False, True
    rig.live()
    assert before and term(rig) == before
    rig.store.full = False
    rig.clock.advance(RETRY_SECONDS)
    rig.live()
    assert term(rig) > before and list(rig.systemd.running()) == ["a.service"]


def test_what_is_reported_is_written_when_there_is_room(rig: Rig) -> None:
    rig.live()
    rig.clock.advance(60)
    rig.store.full = True
    rig.systemd.fail("a.service")
    rig.live()
    rig.store.full = False
    rig.clock.advance(RETRY_SECONDS)
    rig.live()
    assert '"failed"' in (rig.store.value(state_key("m1", "a.service")) or "")
