"""A machine says in its record what does not work there, once that has lasted."""

import pytest

from fleet_cluster.fleet.fleetd.condition import DOCKER, LASTING_SECONDS
from fleet_cluster.fleet.model.keys import machine_key
from fleet_cluster.fleet.model.records import MachineState
from fleet_cluster.fleet.systemd.manager import SystemdError
from tests.unit.fleet.fleetd.test_loop import Rig

DOWN = "Docker is down"


@pytest.fixture
def rig() -> Rig:
    """One machine that all is well with, and a unit on it."""
    rig = Rig()
    rig.want("a.service")
    pass_seconds(rig, 30)
    assert list(rig.systemd.running()) == ["a.service"] and told(rig) == ""
    return rig


def pass_seconds(rig: Rig, seconds: float) -> None:
    for _ in range(int(seconds)):
        rig.clock.advance(1)
        rig.live(3)


def told(rig: Rig) -> str:
    """What the machine's record says."""
    value = rig.store.value(machine_key("m1"))
    assert value
    return MachineState.from_json(value).trouble


def test_machine_whose_docker_is_down_says_so_until_it_is_back(rig: Rig) -> None:
    rig.systemd.machines_down = {DOCKER}
    pass_seconds(rig, LASTING_SECONDS + 1)
    assert told(rig) == DOWN and rig.fleetd.announced
    assert "docker.service is enabled" in rig.fleetd.metrics.faults()[0]
    assert list(rig.systemd.running()) == ["a.service"] and len(rig.systemd.starts) == 1
    rig.systemd.machines_down = set()
    pass_seconds(rig, LASTING_SECONDS + 1)
    assert told(rig) == "" and not rig.fleetd.metrics.faults()


def test_what_is_over_soon_is_not_told(rig: Rig) -> None:
    before = rig.store.entries[machine_key("m1")].mod_revision
    for _ in range(4):
        rig.systemd.machines_down = {DOCKER}
        pass_seconds(rig, LASTING_SECONDS - 2)
        rig.systemd.machines_down = set()
        pass_seconds(rig, 2)
    assert rig.store.entries[machine_key("m1")].mod_revision == before


def test_a_moment_without_the_trouble_is_not_told_either(rig: Rig) -> None:
    rig.systemd.machines_down = {DOCKER}
    pass_seconds(rig, LASTING_SECONDS + 1)
    before = rig.store.entries[machine_key("m1")].mod_revision
    rig.systemd.machines_down = set()
    pass_seconds(rig, 3)
    rig.systemd.machines_down = {DOCKER}
    pass_seconds(rig, LASTING_SECONDS + 1)
    assert rig.store.entries[machine_key("m1")].mod_revision == before and told(rig) == DOWN


def test_it_looks_again_when_a_trouble_has_lasted(rig: Rig) -> None:
    rig.systemd.machines_down = {DOCKER}
    assert 0 < rig.fleetd.step() <= LASTING_SECONDS


def test_restarted_fleetd_never_says_that_all_is_well(rig: Rig) -> None:
    rig.systemd.machines_down = {DOCKER}
    pass_seconds(rig, LASTING_SECONDS + 1)
    before = rig.store.entries[machine_key("m1")].mod_revision
    rig.start()
    pass_seconds(rig, 3)
    assert rig.store.entries[machine_key("m1")].mod_revision == before


def test_machine_whose_systemd_is_silent_says_so(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(names: object) -> None:
        raise SystemdError("no answer")

    with monkeypatch.context() as patch:
        for method in ("status", "down"):
            patch.setattr(rig.systemd, method, silent)
        pass_seconds(rig, LASTING_SECONDS + 2)
        assert told(rig) == "systemd does not do as it should"
    pass_seconds(rig, LASTING_SECONDS + 2)
    assert told(rig) == "" and rig.fleetd.announced


def test_machine_without_room_says_so(rig: Rig) -> None:
    for file in rig.files:
        file.tight = True
    rig.want("b.service")
    pass_seconds(rig, LASTING_SECONDS + 3)
    assert told(rig) == "/run has no room"
    for file in rig.files:
        file.tight = False
    pass_seconds(rig, LASTING_SECONDS + 3)
    assert told(rig) == ""


def test_two_troubles_are_told_together(rig: Rig) -> None:
    rig.systemd.machines_down = {DOCKER}
    for file in rig.files:
        file.tight = True
    pass_seconds(rig, LASTING_SECONDS + 3)
    assert told(rig) == f"/run has no room; {DOWN}"


def test_sick_machine_gets_no_unit_and_keeps_what_it_has(rig: Rig) -> None:
    rig.systemd.machines_down = {DOCKER}
    pass_seconds(rig, LASTING_SECONDS + 1)
    rig.want("b.service")
    pass_seconds(rig, 3)
    assert list(rig.systemd.running()) == ["a.service"] and len(rig.systemd.starts) == 1
    rig.systemd.machines_down = set()
    pass_seconds(rig, LASTING_SECONDS + 2)
    assert sorted(rig.systemd.running()) == ["a.service", "b.service"]
