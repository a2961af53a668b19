"""`fleetctl rollout` and `apply` of a Global unit: a few machines at a time."""

import json

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.fleetctl.state.transaction import tidy
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.kv import Changes
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import MachineState, Unit, UnitState
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fleetctl.small_cluster import (
    DB,
    SLEEP,
    WEB,
    FakeMachines,
    Fleetctl,
    SmallCluster,
)

Output = pytest.CaptureFixture[str]

NGINX = "nginx.service"
CORE = MachineState("a5c0ffee" + "0" * 24, "10.0.0.13", "machine-3")
OLD = SLEEP + "[X-Fleet]\nGlobal=true\n"
NEW = OLD + "HealthySec=0\n"
FAILED = UnitState("loaded", "failed", "failed", "", journal="last words")
TURNS = [WEB, DB, CORE]
"""In the order of their ids."""


@pytest.fixture
def nginx(cluster: SmallCluster, fleetctl: Fleetctl) -> SmallCluster:
    """A Global unit that runs on three machines, and another file for it."""
    cluster.join(CORE)
    cluster.add(NGINX, OLD)
    fleetctl.files = {NGINX: NEW}
    units = {NGINX: {"text": NEW}}
    fleetctl.document = json.dumps({"owner": "web", "units": units})
    return cluster


def on_new(cluster: SmallCluster) -> set[str]:
    """The machines that were given the new file."""
    assigned = cluster.view().assigned(NGINX)
    return {machine for machine, told in assigned.items() if told.sha == sha_of(NEW)}


def history(cluster: SmallCluster) -> list[set[str]]:
    """The machines that are to have the new file, by each record of the unit so far."""
    seen: list[set[str]] = []

    def note(changes: Changes) -> None:
        if entry := changes.puts.get(keys.unit_key(NGINX)):
            unit = Unit.from_json(entry.value)
            machines = cluster.view().machines
            seen.append({on for on in machines if unit.sha_on(on) == sha_of(NEW)})

    cluster.store.watch(keys.UNITS, cluster.store.revision, note, lambda: None)
    return seen


@pytest.mark.parametrize("words", [["rollout", NGINX], ["apply"]], ids=["rollout", "apply"])
def test_it_changes_on_one_machine_at_a_time(
    fleetctl: Fleetctl, nginx: SmallCluster, words: list[str]
) -> None:
    seen = history(nginx)
    assert fleetctl(*words) == Exit.DONE
    assert seen == [{WEB.id}, {WEB.id, DB.id}, {WEB.id, DB.id, CORE.id}]
    assert nginx.view().units[NGINX].retained_files == {}


def test_each_machine_is_told(fleetctl: Fleetctl, nginx: SmallCluster, capsys: Output) -> None:
    assert fleetctl("rollout", NGINX) == Exit.DONE
    lines = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    assert lines == [[NGINX, "rolled", machine.hostname] for machine in TURNS]


def test_as_many_machines_as_may_be_down(fleetctl: Fleetctl, nginx: SmallCluster) -> None:
    seen = history(nginx)
    assert fleetctl("rollout", "--max-unavailable", "2", NGINX) == Exit.DONE
    assert seen == [{WEB.id, DB.id}, {WEB.id, DB.id, CORE.id}]


def test_one_that_is_down_comes_first(fleetctl: Fleetctl, nginx: SmallCluster) -> None:
    seen = history(nginx)
    down = nginx.state(NGINX, "failed", "failed")
    nginx.put(keys.state_key(DB.id, NGINX), down)
    assert fleetctl("rollout", NGINX) == Exit.DONE
    assert seen[0] == {DB.id}


def test_a_failure_ends_it_and_puts_back_what_was_changed_one_by_one(
    fleetctl: Fleetctl, nginx: SmallCluster, machines: FakeMachines
) -> None:
    before, seen = nginx.view().units[NGINX], history(nginx)
    fail_with_new_file(nginx, DB)
    assert fleetctl("rollout", NGINX) == Exit.FAILED
    assert seen == [{WEB.id}, {WEB.id, DB.id}, {WEB.id}, set()]
    assert nginx.view().units[NGINX] == before
    assert machines.explained[NGINX].machine == DB.id
    assert machines.explained[NGINX].journal == "last words"
    assert set(nginx.view().files) == {sha_of(OLD)}


def fail_with_new_file(cluster: SmallCluster, machine: MachineState) -> None:
    """On this machine, the unit comes up with its old file only."""

    def note(changes: Changes) -> None:
        if entry := changes.puts.get(keys.unit_key(NGINX)):
            is_new = Unit.from_json(entry.value).sha_on(machine.id) == sha_of(NEW)
            cluster.behaviour[f"{NGINX} on {machine.id}"] = [FAILED] if is_new else []

    cluster.store.on_commit = note


class GoneError(BaseException):
    """The client ends here."""


def die_before_the_second(cluster: SmallCluster) -> None:
    left = 1

    def die(changes: Changes) -> None:
        nonlocal left
        if keys.unit_key(NGINX) in changes.puts:
            left -= 1
            if left < 0:
                raise GoneError

    cluster.store.on_commit = die


def test_another_client_goes_on_where_one_has_died(fleetctl: Fleetctl, nginx: SmallCluster) -> None:
    die_before_the_second(nginx)
    with pytest.raises(GoneError):
        fleetctl("rollout", NGINX)
    assert on_new(nginx) == {WEB.id}
    nginx.store.on_commit = lambda _changes: None
    with Watcher(nginx.store) as watcher:
        tidy(watcher)
    assert set(nginx.view().files) == {sha_of(OLD), sha_of(NEW)}, "machines still have the old one"
    seen = history(nginx)
    assert fleetctl("rollout", NGINX) == Exit.DONE
    assert seen == [{WEB.id, DB.id}, {WEB.id, DB.id, CORE.id}]


def test_one_that_goes_on_and_fails_puts_all_back(fleetctl: Fleetctl, nginx: SmallCluster) -> None:
    before = nginx.view().units[NGINX]
    die_before_the_second(nginx)
    with pytest.raises(GoneError):
        fleetctl("rollout", NGINX)
    fail_with_new_file(nginx, CORE)
    assert fleetctl("rollout", NGINX) == Exit.FAILED
    assert nginx.view().units[NGINX] == before
    assert on_new(nginx) == set()


def test_a_machine_that_comes_meanwhile_has_the_new_file(
    fleetctl: Fleetctl, nginx: SmallCluster
) -> None:
    late = MachineState("ffffffff" + "0" * 24, "10.0.0.14", "machine-4")

    def join(changes: Changes) -> None:
        nginx.store.on_commit = lambda _changes: None
        nginx.join(late)

    nginx.store.on_commit = join
    seen = history(nginx)
    assert fleetctl("rollout", NGINX) == Exit.DONE
    assert seen[-1] == {one.id for one in (*TURNS, late)}
    assert [len(on - {late.id}) for on in seen] == [1, 2, 3]


def test_what_is_as_it_is_to_be_is_left_alone(fleetctl: Fleetctl, nginx: SmallCluster) -> None:
    fleetctl("rollout", NGINX)
    writes = nginx.store.writes
    assert fleetctl("rollout", NGINX) == Exit.DONE
    assert nginx.store.writes == writes
