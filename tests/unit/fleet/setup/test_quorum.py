"""Which member of etcd may go; etcd itself only answers as the test says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.setup import quorum
from fleet_cluster.fleet.setup.etcd import EtcdMember
from fleet_cluster.fleet.setup.quorum import Voter, drop_others, may_leave, may_shrink, objection
from fleet_cluster.fleet.setup.shell import RefusedError

ADDRESSES = {f"machine-{number}": f"10.0.0.{number}" for number in range(1, 6)}
MACHINE = "3f2a"


def voting(**answers: bool) -> list[Voter]:
    """Members by their number."""
    return [
        Voter(f"machine-{number[1:]}", f"10.0.0.{number[1:]}", yes)
        for number, yes in answers.items()
    ]


@pytest.mark.parametrize("itself", [True, False])
def test_one_of_three_may_go_when_the_others_answer_dead_or_alive(itself: bool):
    assert objection("10.0.0.2", voting(_1=True, _2=itself, _3=True)) == ""


@pytest.mark.parametrize("itself", [True, False])
def test_a_member_stays_while_another_is_missing_and_what_to_do_is_said(itself: bool):
    said = objection("10.0.0.2", voting(_1=True, _2=itself, _3=False))
    assert "machine-2 has to stay: etcd needs 2 of its 3 members" in said
    assert "machine-3 does not answer" in said
    assert "pulumi up --refresh --target '**::machine-3' --target '**::machine-3-*'" in said


def test_five_members_can_do_without_two():
    assert objection("10.0.0.2", voting(_1=True, _2=True, _3=False, _4=True, _5=True)) == ""
    assert objection("10.0.0.2", voting(_1=True, _2=True, _3=False, _4=False, _5=True))


def test_the_only_member_stays_and_the_ways_out_are_said():
    said = objection("10.0.0.1", voting(_1=True))
    assert "the only member of etcd" in said
    for way in ("etcd-size", "pulumi destroy", "'**::machine-1-etcd'"):
        assert way in said


def test_of_two_members_none_may_go():
    assert "needs 2 of its 2 members" in objection("10.0.0.1", voting(_1=True, _2=True))


def test_a_machine_that_is_no_member_may_go_in_any_case():
    assert objection("10.0.0.4", voting(_1=True, _2=False, _3=False)) == ""


@dataclass
class Etcd:
    """Members by name, and which of them answer."""

    members: list[str]
    silent: set[str] = field(default_factory=set[str])
    owners: Mapping[str, str] = field(default_factory=dict[str, str])
    """Which machine has an address."""
    removed: list[str] = field(default_factory=list[str])

    def healthy(self, address: str) -> bool:
        there = {ADDRESSES[name] for name in self.members if name not in self.silent}
        return address in there and len(there) > len(self.members) // 2

    def reachable(self, addresses: list[str]) -> list[str]:
        return [address for address in addresses if self.healthy(address)]

    def listed(self, endpoints: list[str]) -> list[EtcdMember]:
        assert endpoints
        return [
            EtcdMember(id=name, name=name, peer=f"https://{ADDRESSES[name]}:2380", learner=False)
            for name in self.members
        ]

    def etcdctl(self, _endpoints: list[str], *words: str) -> str:
        if words[:2] == ("member", "remove"):
            self.removed.append(words[2])
            self.members.remove(words[2])
        return self.owners.get(words[-1].rpartition("/")[2], "") + "\n"


@pytest.fixture
def etcd(monkeypatch: pytest.MonkeyPatch) -> Etcd:
    found = Etcd(["machine-1", "machine-2", "machine-3"])
    monkeypatch.setattr(quorum, "PATIENCE", 0.0)
    monkeypatch.setattr(quorum, "healthy", found.healthy)
    monkeypatch.setattr(quorum, "reachable", found.reachable)
    monkeypatch.setattr(quorum, "members", found.listed)
    monkeypatch.setattr(quorum, "etcdctl", found.etcdctl)
    endpoints = tuple(f"{address}:2379" for address in ADDRESSES.values())
    monkeypatch.setattr(quorum, "read", lambda: Config(endpoints))
    return found


def leaving(name: str, *, machine: str = MACHINE, preview: bool = False) -> str:
    asked = {"name": name, "address": ADDRESSES[name], "machine": machine, "preview": preview}
    return json.dumps(asked)


def test_a_machine_goes_when_etcd_can_do_without_it(etcd: Etcd):
    may_leave(leaving("machine-2"))
    may_leave(leaving("machine-4"))
    assert etcd.removed == []


@pytest.mark.parametrize("preview", [True, False])
def test_a_machine_is_refused_to_go_while_another_is_missing(etcd: Etcd, preview: bool):
    etcd.silent = {"machine-3"}
    with pytest.raises(RefusedError, match="machine-2 has to stay"):
        may_leave(leaving("machine-2", preview=preview))


def test_without_a_majority_no_member_goes(etcd: Etcd):
    etcd.silent = {"machine-1", "machine-3"}
    with pytest.raises(RefusedError, match="lost its majority"):
        may_leave(leaving("machine-2"))


def test_a_preview_has_nothing_against_what_is_dead_already(etcd: Etcd):
    etcd.silent = {"machine-2", "machine-3"}
    may_leave(leaving("machine-2", preview=True))


def test_a_machine_that_another_one_has_replaced_may_go(etcd: Etcd):
    etcd.silent = {"machine-3"}
    etcd.owners = {ADDRESSES["machine-2"]: "another"}
    may_leave(leaving("machine-2"))
    etcd.owners = {ADDRESSES["machine-2"]: MACHINE}
    with pytest.raises(RefusedError):
        may_leave(leaving("machine-2"))


def smaller(*names: str) -> str:
    return json.dumps({"members": {name: ADDRESSES[name] for name in names}})


def test_what_is_not_wanted_any_more_is_removed_the_dead_first(etcd: Etcd):
    etcd.members += ["machine-4", "machine-5"]
    etcd.silent = {"machine-5"}
    drop_others(smaller("machine-1", "machine-2", "machine-3"))
    assert etcd.removed == ["machine-5", "machine-4"]


def test_etcd_does_not_get_smaller_while_one_that_is_to_stay_is_missing(etcd: Etcd):
    etcd.members += ["machine-4", "machine-5"]
    etcd.silent = {"machine-2"}
    question = smaller("machine-1", "machine-2", "machine-3")
    for step in (may_shrink, drop_others):
        with pytest.raises(RefusedError, match="machine-2 does not answer"):
            step(question)
    assert etcd.removed == []


def test_nothing_is_asked_of_the_missing_when_etcd_stays_as_it_is(etcd: Etcd):
    etcd.silent = {"machine-2"}
    for step in (may_shrink, drop_others):
        step(smaller("machine-1", "machine-2", "machine-3"))
        step(smaller("machine-1", "machine-2", "machine-3", "machine-4", "machine-5"))
