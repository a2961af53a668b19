"""Which way a member of etcd is made; what would ask etcd or systemd only takes note here."""

import json
from pathlib import Path

import pytest

from fleet_cluster.fleet.setup import etcd
from fleet_cluster.fleet.setup.files import File
from fleet_cluster.fleet.setup.shell import StepError

WANTED = {
    "resource": "1",
    "name": "machine-1",
    "address": "10.0.0.1",
    "members": {"machine-1": "10.0.0.1", "machine-2": "10.0.0.2"},
}


class Machine:
    """One machine's etcd."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.data = folder / "default"
        self.done: list[str] = []
        self.others: list[str] = []
        patch.setattr(etcd, "DATA", self.data)
        self.running = True
        self.alone = False
        for name in ("reachable", "healthy", "systemctl", "write", "join", "protect", "etcdctl"):
            patch.setattr(etcd, name, getattr(self, name))
        patch.setattr(etcd, "is_running", lambda: self.running)
        patch.setattr(etcd, "is_alone", self.is_alone)

    def step(self, bootstrap: bool) -> list[str]:
        etcd.member(json.dumps(WANTED), bootstrap)
        return self.done

    def reachable(self, _endpoints: list[str]) -> list[str]:
        return self.others

    def healthy(self, _endpoint: str) -> bool:
        return True

    def systemctl(self, *words: str) -> str:
        self.done.append(words[0])
        return ""

    def write(self, _path: str, file: File) -> bool:
        self.done.append('STATE="new"' if 'STATE="new"' in file.text else 'STATE="existing"')
        return True

    def is_alone(self, _: object) -> bool:
        return self.alone

    def etcdctl(self, _endpoints: list[str], *words: str) -> str:
        self.done.append(" ".join(words))
        return ""

    def join(self, *_: object) -> None:
        self.done.append("join")

    def protect(self, _: object) -> None:
        self.done.append("protect")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_the_first_one_bootstraps_and_would_not_do_it_again_by_itself(machine: Machine):
    assert machine.step(bootstrap=True) == ['STATE="new"', "enable", 'STATE="existing"', "protect"]


def test_one_that_lost_its_data_joins_whoever_has_them(machine: Machine):
    machine.others = ["10.0.0.2"]
    assert machine.step(bootstrap=True) == ["join", "protect"]


def test_what_a_refused_start_leaves_behind_is_not_data(machine: Machine):
    (machine.data / "member" / "snap").mkdir(parents=True)
    machine.others = ["10.0.0.2"]
    assert machine.step(bootstrap=False) == ["join"]


def test_without_data_and_without_the_others_nothing_is_changed(machine: Machine):
    with pytest.raises(StepError, match="no other member answers"):
        machine.step(bootstrap=False)
    assert machine.done == []


def test_one_with_its_data_is_started(machine: Machine):
    (machine.data / "member" / "wal").mkdir(parents=True)
    assert machine.step(bootstrap=False) == ["enable"]


@pytest.mark.parametrize(
    ("running", "alone"), [(True, True), (True, False), (False, False), (False, True)]
)
def test_data_that_may_be_those_of_a_snapshot_get_another_id(
    machine: Machine, running: bool, alone: bool
):
    (machine.data / "member" / "wal").mkdir(parents=True)
    machine.running, machine.alone = running, alone
    renamed = ["del /fleet/cluster"] if alone and not running else []
    assert machine.step(bootstrap=True) == ["enable", *renamed, "protect"]
