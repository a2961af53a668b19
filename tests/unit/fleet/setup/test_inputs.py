"""What Pulumi's side writes for the steps of the set-up is what a machine reads."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fleet_cluster.fleet.etcd_configuration import EtcdSettings
from fleet_cluster.fleet.etcd_roles import held_by, roles
from fleet_cluster.fleet.setup import __main__ as steps
from fleet_cluster.fleet.setup.inputs import (
    Configuration,
    FleetdSetup,
    MachineRemoval,
    Members,
    Membership,
    Pair,
    StepInput,
    StepInputError,
    Trust,
    Worker,
)

GRANTS = {"nginx": {"read": ["/app/server*"]}}
SETTINGS = EtcdSettings().variables()
NAMES = {"machine-1": "10.0.0.1", "machine-2": "10.0.0.2"}
CONFIGURATION = Configuration(
    resource="container-1",
    bundle="0" * 64,
    etcd="3.6.16",
    coredns="1.15.0",
    name="machine-1",
    address="10.0.0.1",
    metadata={"role": "web"},
    endpoints=("10.0.0.1", "10.0.0.2"),
    agent_ttl=10,
    reconcile_interval=60,
    image_retention_hours=72,
    reboot_window="",
    registry="10.0.0.9:5000",
    authority="the authority",
    previous_authority="",
    roles={role.name: Pair(f"{role.name} cert", f"{role.name} key") for role in roles(GRANTS)},
    worker=None,
    member=Pair("member cert", "member key"),
    peer_authority="the peers' authority",
    peer=Pair("peer cert", "peer key"),
    journal_sender=None,
    journal_receiver=None,
)
MEMBERSHIP = Membership(
    "container-1", "machine-1", "10.0.0.1", NAMES, "3.6.16", GRANTS, SETTINGS, "3f2a"
)
INPUTS = [
    CONFIGURATION,
    replace(CONFIGURATION, worker=Pair("worker cert", "worker key"), member=None, peer=None),
    MEMBERSHIP,
    Trust("container-1", "the authority", MEMBERSHIP),
    Trust("container-1", "the authority", None),
    Members(NAMES),
    MachineRemoval("machine-1", "10.0.0.1", "3f2a", preview=True),
    FleetdSetup("0" * 64, member=False),
    Worker("machine-4", "10.0.0.4", "3f2a", "0123abcd"),
]


def written(given: StepInput, **more: Any) -> str:
    return json.dumps({**given.to_wire(), **more})


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: type(given).__name__)
def test_what_is_written_is_read(given: StepInput) -> None:
    assert type(given).from_json(written(given)) == given


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: type(given).__name__)
def test_a_newer_programs_fields_are_passed_over(given: StepInput) -> None:
    assert type(given).from_json(written(given, unheard_of=1)) == given


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: type(given).__name__)
def test_a_field_by_another_name_is_missing(given: StepInput) -> None:
    for name in (wire := given.to_wire()):
        misspelt = json.dumps({key.replace(name, f"{name}s"): wire[key] for key in wire})
        with pytest.raises(StepInputError, match=f"{type(given).__name__} without {name}"):
            type(given).from_json(misspelt)


@pytest.mark.parametrize("text", ["", "[]", "1", '{"members": '])
def test_what_is_no_object_is_said_so(text: str) -> None:
    with pytest.raises(StepInputError, match="not a JSON object"):
        Members[str].from_json(text)


def test_the_step_says_what_its_input_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["fleet.setup", "may-shrink"])
    monkeypatch.setattr("sys.stdin.read", lambda: '{"member": {}}', raising=False)
    with pytest.raises(SystemExit, match="input of the step may-shrink: Members without members"):
        steps.main()


def test_only_members_hold_what_changes_etcd_and_desired_state() -> None:
    names = [[role.name for role in held_by(GRANTS, member=member)] for member in (True, False)]
    assert names == [["fleet", "app", "root", "dns", "nginx"], ["app", "dns", "nginx"]]
