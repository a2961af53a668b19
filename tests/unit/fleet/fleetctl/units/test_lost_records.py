"""`fleetctl apply` where etcd has lost the records of units that run, some with another file."""

import json

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import DesiredState, MachineState, Unit, UnitState
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
GLOBAL = SLEEP + "[X-Fleet]\nGlobal=true\n"
NEW_GLOBAL = GLOBAL + "HealthySec=0\n"
NEW = SLEEP + "Restart=always\n"
NAMES = [f"web@{number}.service" for number in (1, 2, 3)]
FAILED = UnitState("loaded", "failed", "failed", "", journal="last words")


@pytest.fixture
def nginx(cluster: SmallCluster) -> SmallCluster:
    """A Global unit runs on three machines, and etcd does not know of it."""
    cluster.join(CORE)
    cluster.add(NGINX, GLOBAL)
    cluster.lose_records()
    return cluster


@pytest.fixture
def web(cluster: SmallCluster) -> SmallCluster:
    """Three instances run, and etcd does not know of them."""
    cluster.add("web@.service", target=DesiredState.INACTIVE)
    for name in NAMES:
        cluster.add(name)
    cluster.lose_records()
    return cluster


def apply(fleetctl: Fleetctl, name: str, text: str, *instances: str) -> int:
    units = {name: {"text": text, "instances": dict.fromkeys(instances, "launched")}}
    fleetctl.document = json.dumps({"owner": "web", "units": units})
    return fleetctl("apply")


def rolls(*names: str) -> list[str]:
    return [f"{verb} {name}" for name in names for verb in ("stop", "start")]


def running(cluster: SmallCluster, name: str) -> dict[str, str]:
    """The file that each machine runs a unit with."""
    reports = cluster.view().reports(name)
    return {on: state.sha for on, state in reports.items() if state.active == "active"}


def test_a_global_unit_changes_on_one_machine_at_a_time(
    fleetctl: Fleetctl, nginx: SmallCluster, capsys: Output
) -> None:
    before, at_once = running(nginx, NGINX), list[int]()

    def note(_changes: object) -> None:
        assigned = nginx.view().assigned(NGINX)
        at_once.append(sum(told.sha != sha_of(GLOBAL) for told in assigned.values()))

    nginx.store.watch(keys.UNITS, nginx.store.revision, note, lambda: None)
    assert apply(fleetctl, NGINX, NEW_GLOBAL) == Exit.DONE
    assert before == dict.fromkeys((WEB.id, DB.id, CORE.id), sha_of(GLOBAL))
    assert running(nginx, NGINX) == dict.fromkeys(before, sha_of(NEW_GLOBAL))
    assert at_once == [1, 2, 3]
    assert nginx.log == rolls(*[NGINX] * 3)
    lines = [line.split()[:3] for line in capsys.readouterr().err.splitlines()]
    assert lines == [[NGINX, "rolled", on] for on in ("machine-1", "machine-2", "machine-3")]


def test_instances_change_one_after_the_other(fleetctl: Fleetctl, web: SmallCluster) -> None:
    places = web.view().reported(NAMES[0]).keys()
    assert apply(fleetctl, "web@.service", NEW, *NAMES, "web@4.service") == Exit.DONE
    assert web.log == ["start web@4.service", *rolls(*NAMES)]
    assert web.view().assigned(NAMES[0]).keys() == places
    assert {unit.sha for unit in web.view().units.values()} == {sha_of(NEW)}


def test_what_runs_with_its_file_is_left_alone(fleetctl: Fleetctl, web: SmallCluster) -> None:
    assert apply(fleetctl, "web@.service", SLEEP, *NAMES) == Exit.DONE
    assert web.log == []
    assert web.view().units.keys() == {"web@.service", *NAMES}
    assert not web.view().orphans


def test_a_failure_ends_it_and_the_others_keep_their_file(
    fleetctl: Fleetctl, nginx: SmallCluster, machines: FakeMachines, capsys: Output
) -> None:
    nginx.behaviour[f"{NGINX} on {DB.id}"] = [FAILED]
    assert apply(fleetctl, NGINX, NEW_GLOBAL) == Exit.FAILED
    assert machines.explained[NGINX].machine == DB.id
    assert running(nginx, NGINX) == {WEB.id: sha_of(NEW_GLOBAL), CORE.id: sha_of(GLOBAL)}
    kept = {CORE.id: sha_of(GLOBAL)}
    record = Unit(sha_of(NEW_GLOBAL), DesiredState.LAUNCHED, "web", retained_files=kept)
    assert nginx.view().units[NGINX] == record
    told = "Left as they are now, since etcd has lost the files that they had: nginx.service"
    assert told in capsys.readouterr().err
    del nginx.behaviour[f"{NGINX} on {DB.id}"]
    mended = NEW_GLOBAL + "# mended\n"
    nginx.log.clear()
    assert apply(fleetctl, NGINX, mended) == Exit.DONE
    assert nginx.log == rolls(*[NGINX] * 3)


def test_an_instance_that_fails_takes_no_other_with_it(
    fleetctl: Fleetctl, web: SmallCluster
) -> None:
    web.behaviour[NAMES[1]] = [FAILED]
    assert apply(fleetctl, "web@.service", NEW, *NAMES, "web@4.service") == Exit.FAILED
    files = [set(running(web, name).values()) for name in NAMES]
    assert files == [{sha_of(NEW)}, set(), {sha_of(SLEEP)}]
    assert "web@4.service" not in web.view().units, "it was not there before"
    del web.behaviour[NAMES[1]]
    web.log.clear()
    assert apply(fleetctl, "web@.service", NEW, *NAMES) == Exit.DONE
    assert {unit.sha for unit in web.view().units.values()} == {sha_of(NEW)}
    assert "start web@1.service" not in web.log


@pytest.mark.parametrize(("text", "turns"), [(NEW_GLOBAL, [1, 2, 3]), (GLOBAL, [])])
def test_a_plan_tells_the_same(
    fleetctl: Fleetctl, nginx: SmallCluster, capsys: Output, text: str, turns: list[int]
) -> None:
    fleetctl.document = json.dumps({"owner": "web", "units": {NGINX: {"text": text}}})
    fleetctl("plan", "--output", "json")
    told = json.loads(capsys.readouterr().out)
    assert [step["turn"] for step in told["steps"]] == turns
    assert {step["action"] for step in told["steps"]} <= {"restart"}
