"""Which way a member of etcd is made, from what the cluster answers and what the machine has."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fleet_cluster.fleet.setup import etcdctl
from fleet_cluster.fleet.setup.etcd import MemberSetup
from fleet_cluster.fleet.setup.etcd_peers import PeerTrust
from fleet_cluster.fleet.setup.etcd_service import UNIT_FILE, EtcdService, unit
from fleet_cluster.fleet.setup.files import PEER_AUTHORITY, PEER_TRUST, File
from fleet_cluster.fleet.setup.inputs import Membership
from fleet_cluster.fleet.setup.shell import RefusedError, StepError

from .etcd_members import EtcdMembers
from .etcd_users import GRANTS, EtcdUsers
from .test_etcd_peers import write_text

NAMES = {"machine-1": "10.0.0.1", "machine-2": "10.0.0.2", "machine-3": "10.0.0.3"}
HERE = "10.0.0.1"
WANTED = Membership("1", "machine-1", HERE, NAMES, "3.6.16", GRANTS)


class Machine:
    """machine-1, without data; etcd answers here as soon as it was started."""

    def __init__(self, folder: Path, etcd: EtcdMembers) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.etcd = etcd
        self.running = False
        self.environments: list[str] = []
        self.unit = ""
        self.wanted = WANTED
        self.new = set(NAMES.values())
        """Addresses of members that show a certificate of the peers' authority."""
        (folder / PEER_AUTHORITY).write_text("peers'")
        (folder / "ca.crt").write_text(" and the cluster's")

    def step(self, bootstrap: bool) -> list[str]:
        """What the step had `etcdctl` and systemd do."""
        drop_in = self.folder / "fleet.conf"
        service = EtcdService(WANTED.version, self.data, drop_in, self.systemctl, self.write)
        trusted = PeerTrust(self.folder, lambda _, address: address in self.new, write_text)
        MemberSetup(self.wanted, service, self.etcd.etcdctl, trusted).set_up(bootstrap)
        return self.etcd.done

    def has_data(self, version: str = WANTED.version) -> None:
        self.unit = unit(version)
        (self.data / "member" / "wal").mkdir(parents=True, exist_ok=True)

    def systemctl(self, *words: str) -> str:
        if words[0] == "is-active":
            if not self.running:
                raise StepError("inactive")
            return ""
        if words[0] == "daemon-reload":
            return ""
        self.running = words[0] != "stop"
        (self.etcd.up.add if self.running else self.etcd.up.discard)(HERE)
        if self.running and self.environments[-1:] and 'STATE="new"' in self.environments[-1]:
            self.etcd.members.clear()
            self.etcd.auth = EtcdUsers()
        if self.running and not self.etcd.members:
            assert 'ETCD_INITIAL_CLUSTER_STATE="new"' in self.environments[-1]
            self.etcd.add("machine-1", HERE)
        if self.running:
            self.has_data(WANTED.version)
        self.etcd.done.append(f"systemctl {words[0]}")
        return ""

    def write(self, path: str, file: File) -> bool:
        if path == UNIT_FILE:
            changed, self.unit = file.text != self.unit, file.text
            return changed
        assert path == "/etc/etcd/environment"
        self.environments.append(file.text)
        return True


@pytest.fixture
def etcd() -> EtcdMembers:
    return EtcdMembers()


@pytest.fixture
def machine(tmp_path: Path, etcd: EtcdMembers) -> Machine:
    return Machine(tmp_path, etcd)


def initial_cluster(environment: str) -> str:
    [line] = [one for one in environment.splitlines() if one.startswith("ETCD_INITIAL_CLUSTER=")]
    return json.loads(line.partition("=")[2])


def test_the_first_one_bootstraps_and_would_not_do_it_again_by_itself(
    machine: Machine, etcd: EtcdMembers
):
    done = machine.step(bootstrap=True)
    assert done[:2] == ["systemctl stop", "systemctl enable"] and done[-1] == "auth enable"
    first, lasting = machine.environments
    assert 'STATE="new"' in first and 'STATE="existing"' in lasting
    assert initial_cluster(lasting) == "machine-1=https://10.0.0.1:2380"
    assert [one.name for one in etcd.members.values()] == ["machine-1"]


def test_what_users_may_do_reaches_a_cluster_that_is_up(machine: Machine, etcd: EtcdMembers):
    machine.has_data()
    etcd.add("machine-1", HERE)
    machine.wanted = replace(WANTED, grants={"web": {"read": ["/app/web/"]}})
    granted = list(machine.step(bootstrap=False))
    assert "role grant-permission web --prefix=true read /app/web/" in granted
    assert "user delete nginx" in granted
    assert machine.step(bootstrap=False)[len(granted) :] == ["systemctl enable"]


def test_one_that_lost_its_data_joins_whoever_has_them(machine: Machine, etcd: EtcdMembers):
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
    machine: Machine, etcd: EtcdMembers, new: bool
):
    etcd.add("machine-2", "10.0.0.2")
    machine.new = {"10.0.0.2"} if new else set()
    machine.step(bootstrap=True)
    trusted = (machine.folder / PEER_TRUST).read_text()
    assert trusted == ("peers'" if new else "peers' and the cluster's")


def test_one_that_begins_a_cluster_trusts_the_peers_authority_alone(machine: Machine):
    machine.step(bootstrap=True)
    assert (machine.folder / PEER_TRUST).read_text() == "peers'"


def test_what_a_refused_start_leaves_behind_is_not_data(machine: Machine, etcd: EtcdMembers):
    leftover = machine.data / "member" / "snap"
    leftover.mkdir(parents=True)
    etcd.add("machine-2", "10.0.0.2")
    assert "member add machine-1" in machine.step(bootstrap=False)[0]
    assert not leftover.exists()


def test_data_of_a_member_that_the_cluster_has_removed_are_not_used(
    machine: Machine, etcd: EtcdMembers
):
    machine.has_data()
    etcd.add("machine-2", "10.0.0.2")
    done = machine.step(bootstrap=False)
    assert done[0] == "systemctl enable" and done[1].startswith("member add machine-1")


def test_without_data_and_without_the_others_nothing_is_changed(
    machine: Machine, etcd: EtcdMembers
):
    etcd.add("machine-2", "10.0.0.2")
    etcd.add("machine-3", "10.0.0.3", up=False)
    with pytest.raises(StepError, match="no other member answers"):
        machine.step(bootstrap=False)
    assert etcd.done == [] and machine.environments == []


def test_one_with_its_data_is_started(machine: Machine, etcd: EtcdMembers):
    machine.has_data()
    etcd.add("machine-1", HERE, up=False)
    assert machine.step(bootstrap=False) == ["systemctl enable"]
    assert machine.environments == []


def test_one_that_has_run_as_another_version_is_started_again(machine: Machine, etcd: EtcdMembers):
    machine.has_data("3.6.15")
    machine.running = True
    etcd.add("machine-1", HERE)
    assert machine.step(bootstrap=False) == ["systemctl restart", "systemctl enable"]
    assert machine.unit == unit(WANTED.version) and machine.environments == []
    assert machine.step(bootstrap=False)[2:] == ["systemctl enable"]


@pytest.mark.parametrize("version", ["3.4.23", "3.7.3", "4.0.0", "2.3.8"])
@pytest.mark.parametrize("has_data", [True, False])
def test_members_of_a_version_that_it_does_not_go_with_are_not_joined(
    machine: Machine, etcd: EtcdMembers, version: str, has_data: bool
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
    machine: Machine, etcd: EtcdMembers, version: str
):
    etcd.add("machine-2", "10.0.0.2", version=version)
    assert machine.step(bootstrap=False)[-1].startswith("member promote")


@pytest.mark.parametrize("version", ["3.7.3", "3.4.23"])
def test_the_only_member_goes_one_minor_version_at_a_time_and_never_back(
    machine: Machine, etcd: EtcdMembers, version: str
):
    machine.has_data(version)
    machine.running = True
    etcd.add("machine-1", HERE, version=version)
    with pytest.raises(RefusedError, match=f"which runs {version}"):
        machine.step(bootstrap=False)
    assert etcd.done == [] and machine.unit == unit(version)


def test_the_first_machine_of_debians_etcd_begins_anew_alone(machine: Machine, etcd: EtcdMembers):
    machine.running = True
    etcd.add("machine-1", HERE, version="3.4.23")
    etcd.add("machine-2", "10.0.0.2", version="3.4.23")
    etcd.add("machine-3", "10.0.0.3", version="3.4.23", up=False)
    done = list(machine.step(bootstrap=False))
    assert done[:2] == ["member remove a3", "member remove a2"], "the silent one first"
    assert done[2:4] == ["systemctl stop", "systemctl enable"] and done[-1] == "auth enable"
    first, lasting = machine.environments
    assert 'STATE="new"' in first and 'STATE="existing"' in lasting
    assert [one.version for one in etcd.members.values()] == ["3.6.16"]
    assert machine.step(bootstrap=False)[len(done) :] == ["systemctl enable"], "once"


def test_while_the_others_cannot_be_removed_debians_etcd_stays(
    machine: Machine, etcd: EtcdMembers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(etcdctl, "PATIENCE", 0.1)
    machine.running = True
    etcd.add("machine-1", HERE, version="3.4.23")
    etcd.add("machine-2", "10.0.0.2", version="3.4.23", up=False)
    with pytest.raises(StepError, match="waited .* for the other members to leave machine-1 alone"):
        machine.step(bootstrap=False)
    assert etcd.done == [] and machine.environments == [] and machine.unit == ""


def test_a_machine_that_is_not_the_first_never_begins_anew(machine: Machine, etcd: EtcdMembers):
    """Its own member was removed and has ended; the others are there already."""
    etcd.add("machine-2", "10.0.0.2", version="3.4.23")
    etcd.add("machine-1", HERE, version="3.4.23")
    machine.wanted = replace(WANTED, members={"machine-2": "10.0.0.2", "machine-1": HERE})
    with pytest.raises(RefusedError, match="beside 10.0.0.2, which runs 3.4.23"):
        machine.step(bootstrap=False)
    assert etcd.done == []


def test_a_voter_that_never_started_is_not_joined(machine: Machine, etcd: EtcdMembers):
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
    machine: Machine, etcd: EtcdMembers, running: bool, alone: bool
):
    machine.has_data()
    machine.running = running
    etcd.values = {"/fleet/cluster": "an id"}
    etcd.add("machine-1", HERE, up=running)
    if not alone:
        etcd.add("machine-2", "10.0.0.2")
    machine.step(bootstrap=True)
    assert ("/fleet/cluster" in etcd.values) == (running or not alone)
