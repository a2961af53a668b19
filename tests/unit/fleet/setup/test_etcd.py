"""Which way a member of etcd is made, from what the cluster answers and what the machine has."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fleet_cluster.fleet.setup import etcdctl
from fleet_cluster.fleet.setup.etcd import MemberSetup
from fleet_cluster.fleet.setup.etcd_service import ENVIRONMENT, UNIT_FILE, unit
from fleet_cluster.fleet.setup.files import PEER_TRUST
from fleet_cluster.fleet.setup.shell import RefusedError, StepError

from .etcd_machine import HERE, NAMES, WANTED, EtcdMachine
from .etcd_members import EtcdMembers


@pytest.fixture
def etcd() -> EtcdMembers:
    return EtcdMembers()


@pytest.fixture
def machine(tmp_path: Path, etcd: EtcdMembers) -> EtcdMachine:
    return EtcdMachine(tmp_path, etcd)


def initial_cluster(environment: str) -> str:
    [line] = [one for one in environment.splitlines() if one.startswith("ETCD_INITIAL_CLUSTER=")]
    return json.loads(line.partition("=")[2])


def test_the_first_one_bootstraps_and_would_not_do_it_again_by_itself(
    machine: EtcdMachine, etcd: EtcdMembers
):
    done = machine.step(bootstrap=True)
    assert done[:2] == ["systemctl stop", "systemctl enable"] and done[-1] == "auth enable"
    first, lasting = machine.environments
    assert 'STATE="new"' in first and 'STATE="existing"' in lasting
    assert initial_cluster(lasting) == "machine-1=https://10.0.0.1:2380"
    assert [one.name for one in etcd.members.values() if not one.learner] == ["machine-1"]


def test_the_first_one_adds_the_others_so_that_they_may_come_at_the_same_time(
    machine: EtcdMachine, etcd: EtcdMembers
):
    machine.step(bootstrap=True)
    first, *others = etcd.members.values()
    assert first.name == "machine-1" and not first.learner
    assert [(one.name, one.learner, one.address) for one in others] == [
        ("", True, "10.0.0.2"),
        ("", True, "10.0.0.3"),
    ]


def test_one_that_was_added_takes_its_place_and_knows_the_others_by_name(
    machine: EtcdMachine, etcd: EtcdMembers
):
    etcd.add("machine-2", "10.0.0.2")
    etcd.add("", HERE, learner=True, up=False)
    etcd.add("", "10.0.0.3", learner=True, up=False)
    machine.new = {"10.0.0.2"}
    done = machine.step(bootstrap=False)
    assert done[:3] == ["systemctl stop", "systemctl enable", "member promote a2"]
    peers = [f"machine-{number}=https://10.0.0.{number}:2380" for number in (2, 1, 3)]
    assert initial_cluster(machine.files[ENVIRONMENT]) == ",".join(peers)
    assert (machine.folder / PEER_TRUST).read_text() == "peers'", "as new as this one"


def test_a_learner_that_somebody_else_added_and_that_has_not_begun_is_no_obstacle(
    machine: EtcdMachine, etcd: EtcdMembers
):
    etcd.add("machine-2", "10.0.0.2")
    etcd.add("", "10.0.0.9", learner=True, up=False)
    assert "member promote a3" in machine.step(bootstrap=False)
    assert "https://10.0.0.9:2380" in initial_cluster(machine.files[ENVIRONMENT])


def test_one_that_began_as_what_was_added_and_got_no_name_comes_anew(
    machine: EtcdMachine, etcd: EtcdMembers
):
    machine.has_data()
    etcd.add("machine-2", "10.0.0.2")
    etcd.add("", HERE, learner=True, up=False)
    done = machine.step(bootstrap=False)
    assert done[:3] == [
        "systemctl enable",
        "member remove a2",
        "member add machine-1 --learner --peer-urls=https://10.0.0.1:2380",
    ]


def test_one_whose_bootstrap_was_broken_off_would_not_do_it_again_either(
    machine: EtcdMachine, etcd: EtcdMembers, monkeypatch: pytest.MonkeyPatch
):
    def broken_off(_: MemberSetup) -> None:
        raise StepError("etcd does not answer yet")

    with monkeypatch.context() as patch, pytest.raises(StepError, match="yet"):
        patch.setattr(MemberSetup, "_wait_to_answer", broken_off)
        machine.step(bootstrap=True)
    assert 'STATE="new"' in machine.files[ENVIRONMENT]
    assert len(etcd.members) == 1
    machine.step(bootstrap=True)
    machine.step(bootstrap=True)
    assert [one.address for one in etcd.members.values()] == [*NAMES.values()], "each once"
    assert 'STATE="existing"' in machine.files[ENVIRONMENT]
    assert initial_cluster(machine.files[ENVIRONMENT]) == "machine-1=https://10.0.0.1:2380"


def test_what_users_may_do_reaches_a_cluster_that_is_up(machine: EtcdMachine, etcd: EtcdMembers):
    machine.has_data()
    etcd.add("machine-1", HERE)
    machine.wanted = replace(WANTED, grants={"web": {"read": ["/app/web/"]}})
    granted = list(machine.step(bootstrap=False))
    assert "role grant-permission web --prefix=true read /app/web/" in granted
    assert "user delete nginx" in granted
    assert machine.step(bootstrap=False)[len(granted) :] == ["systemctl enable"]


def test_one_that_lost_its_data_joins_whoever_has_them(machine: EtcdMachine, etcd: EtcdMembers):
    etcd.add("machine-1", HERE, up=False)
    etcd.add("machine-2", "10.0.0.2")
    etcd.add("machine-3", "10.0.0.3")
    assert machine.step(bootstrap=True) == [
        "member remove a1",
        "member add machine-1 --learner --peer-urls=https://10.0.0.1:2380",
        "systemctl stop",
        "systemctl enable",
        "member promote a4",
    ]
    [environment] = machine.environments
    assert 'STATE="existing"' in environment
    peers = [f"machine-{number}=https://10.0.0.{number}:2380" for number in (2, 3, 1)]
    assert initial_cluster(environment) == ",".join(peers)
    assert not any(one.learner for one in etcd.members.values())


@pytest.mark.parametrize("new", [True, False])
def test_one_that_joins_trusts_peers_by_what_they_show(
    machine: EtcdMachine, etcd: EtcdMembers, new: bool
):
    etcd.add("machine-2", "10.0.0.2")
    machine.new = {"10.0.0.2"} if new else set()
    machine.step(bootstrap=True)
    trusted = (machine.folder / PEER_TRUST).read_text()
    assert trusted == ("peers'" if new else "peers' and the cluster's")


@pytest.mark.parametrize("up", [True, False])
def test_a_member_of_before_that_is_to_go_is_trusted_until_then(
    machine: EtcdMachine, etcd: EtcdMembers, up: bool
):
    machine.has_data()
    (machine.folder / PEER_TRUST).unlink()
    machine.new = set()
    for number, (name, address) in enumerate(NAMES.items(), start=1):
        etcd.add(name, address, up=up or number != 3)
    machine.wanted = replace(WANTED, members={"machine-1": HERE})
    machine.step(bootstrap=False)
    assert (machine.folder / PEER_TRUST).read_text() == "peers' and the cluster's"


def test_one_that_begins_a_cluster_trusts_the_peers_authority_alone(machine: EtcdMachine):
    machine.step(bootstrap=True)
    assert (machine.folder / PEER_TRUST).read_text() == "peers'"


def test_what_a_refused_start_leaves_behind_is_not_data(machine: EtcdMachine, etcd: EtcdMembers):
    leftover = machine.data / "member" / "snap"
    leftover.mkdir(parents=True)
    etcd.add("machine-2", "10.0.0.2")
    assert "member add machine-1" in machine.step(bootstrap=False)[0]
    assert not leftover.exists()


def test_data_of_a_member_that_the_cluster_has_removed_are_not_used(
    machine: EtcdMachine, etcd: EtcdMembers
):
    machine.has_data()
    etcd.add("machine-2", "10.0.0.2")
    done = machine.step(bootstrap=False)
    assert done[0] == "systemctl enable" and done[1].startswith("member add machine-1")


def test_without_data_and_without_the_others_nothing_is_changed(
    machine: EtcdMachine, etcd: EtcdMembers
):
    etcd.add("machine-2", "10.0.0.2")
    etcd.add("machine-3", "10.0.0.3", up=False)
    with pytest.raises(StepError, match="no other member answers"):
        machine.step(bootstrap=False)
    assert etcd.done == [] and machine.environments == []


def test_one_with_its_data_is_started(machine: EtcdMachine, etcd: EtcdMembers):
    machine.has_data()
    etcd.add("machine-1", HERE, up=False)
    assert machine.step(bootstrap=False) == ["systemctl enable"]
    assert machine.environments == []


def test_one_that_has_run_as_another_version_is_started_again(
    machine: EtcdMachine, etcd: EtcdMembers
):
    machine.runs("3.6.15")
    etcd.add("machine-1", HERE)
    assert machine.step(bootstrap=False) == ["systemctl enable", "systemctl restart"]
    assert machine.files[UNIT_FILE] == unit(WANTED.version)
    assert machine.step(bootstrap=False)[2:] == ["systemctl enable"]


@pytest.mark.parametrize("version", ["3.4.23", "3.7.3", "4.0.0", "2.3.8"])
@pytest.mark.parametrize("has_data", [True, False])
def test_members_of_a_version_that_it_does_not_go_with_are_not_joined(
    machine: EtcdMachine, etcd: EtcdMembers, version: str, has_data: bool
):
    if has_data:
        machine.has_data("3.6.15")
    etcd.add("machine-2", "10.0.0.2", version=version)
    with pytest.raises(RefusedError) as caught:
        machine.step(bootstrap=True)
    said = f"etcd 3.6.16 cannot be a member beside 10.0.0.2, which runs {version}"
    assert str(caught.value).startswith(said)
    assert etcd.done == [] and machine.environments == []


@pytest.mark.parametrize("version", ["3.5.35", "3.6.2", "3.6.20"])
def test_members_of_its_own_minor_version_and_the_one_before_are_joined(
    machine: EtcdMachine, etcd: EtcdMembers, version: str
):
    etcd.add("machine-2", "10.0.0.2", version=version)
    assert machine.step(bootstrap=False)[-1].startswith("member promote")


@pytest.mark.parametrize("version", ["3.7.3", "3.4.23"])
def test_the_only_member_goes_one_minor_version_at_a_time_and_never_back(
    machine: EtcdMachine, etcd: EtcdMembers, version: str
):
    machine.runs(version)
    etcd.add("machine-1", HERE, version=version)
    with pytest.raises(RefusedError, match=f"which runs {version}"):
        machine.step(bootstrap=False)
    assert etcd.done == [] and machine.files[UNIT_FILE] == unit(version)


def test_the_first_machine_of_debians_etcd_begins_anew_alone(
    machine: EtcdMachine, etcd: EtcdMembers
):
    machine.running = True
    etcd.add("machine-1", HERE, version="3.4.23")
    etcd.add("machine-2", "10.0.0.2", version="3.4.23")
    etcd.add("machine-3", "10.0.0.3", version="3.4.23", up=False)
    done = list(machine.step(bootstrap=False))
    assert done[:2] == ["member remove a3", "member remove a2"], "the silent one first"
    assert done[2:4] == ["systemctl stop", "systemctl enable"] and done[-1] == "auth enable"
    first, lasting = machine.environments
    assert 'STATE="new"' in first and 'STATE="existing"' in lasting
    begun = [one for one in etcd.members.values() if not one.learner]
    assert [one.version for one in begun] == ["3.6.16"]
    assert machine.step(bootstrap=False)[len(done) :] == ["systemctl enable"], "once"


def test_while_the_others_cannot_be_removed_debians_etcd_stays(
    machine: EtcdMachine, etcd: EtcdMembers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(etcdctl, "PATIENCE", 0.1)
    machine.running = True
    etcd.add("machine-1", HERE, version="3.4.23")
    etcd.add("machine-2", "10.0.0.2", version="3.4.23", up=False)
    with pytest.raises(StepError, match="waited .* for the other members to leave machine-1 alone"):
        machine.step(bootstrap=False)
    assert etcd.done == [] and machine.environments == []


def test_a_machine_that_is_not_the_first_never_begins_anew(machine: EtcdMachine, etcd: EtcdMembers):
    """Its own member was removed and has ended; the others are there already."""
    etcd.add("machine-2", "10.0.0.2", version="3.4.23")
    etcd.add("machine-1", HERE, version="3.4.23")
    machine.wanted = replace(WANTED, members={"machine-2": "10.0.0.2", "machine-1": HERE})
    with pytest.raises(RefusedError, match="beside 10.0.0.2, which runs 3.4.23"):
        machine.step(bootstrap=False)
    assert etcd.done == []


def test_a_voter_that_never_started_is_not_joined(machine: EtcdMachine, etcd: EtcdMembers):
    etcd.add("machine-2", "10.0.0.2")
    etcd.add("machine-3", "10.0.0.3")
    etcd.add("", "10.0.0.9", up=False)
    with pytest.raises(RefusedError, match="10.0.0.9:2380 that has never started") as caught:
        machine.step(bootstrap=False)
    assert "etcdctl member remove a3" in str(caught.value)
    assert etcd.done == [] and machine.environments == []


@pytest.mark.parametrize(
    ("running", "alone"), [(True, True), (True, False), (False, False), (False, True)]
)
def test_data_that_may_be_those_of_a_snapshot_get_another_id(
    machine: EtcdMachine, etcd: EtcdMembers, running: bool, alone: bool
):
    machine.has_data()
    machine.running = running
    etcd.values = {"/fleet/cluster": "an id"}
    etcd.add("machine-1", HERE, up=running)
    if not alone:
        etcd.add("machine-2", "10.0.0.2")
    machine.step(bootstrap=True)
    assert ("/fleet/cluster" in etcd.values) == (running or not alone)
