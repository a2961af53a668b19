"""Which member of etcd may go; etcd itself only answers as the test says."""

import json
from collections.abc import Collection

import pytest

from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.model.keys import REBOOT_LOCK, address_key
from fleet_cluster.fleet.model.reboots import RebootLock
from fleet_cluster.fleet.setup.quorum import Quorum, Voter, objection, restarting
from fleet_cluster.fleet.setup.shell import RefusedError

from .etcd_members import EtcdMembers

ADDRESSES = {f"machine-{number}": f"10.0.0.{number}" for number in range(1, 6)}
THREE = ("machine-1", "machine-2", "machine-3")
FIVE = (*THREE, "machine-4", "machine-5")
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


def test_a_member_is_restarted_when_a_majority_of_the_others_answers():
    assert restarting("10.0.0.2", voting(_1=True, _2=True, _3=True)) == ""
    said = restarting("10.0.0.2", voting(_1=True, _2=True, _3=False))
    assert "machine-2 cannot be restarted: etcd needs 2 of its 3 members" in said
    assert "machine-3 does not answer" in said and "Nothing was changed" in said
    assert restarting("10.0.0.2", voting(_1=True, _2=True, _3=False, _4=True, _5=True)) == ""


@pytest.mark.parametrize("voters", [voting(_1=True), voting(_1=True, _2=True)])
def test_too_few_to_wait_for_others_are_restarted_all_the_same(voters: list[Voter]):
    assert restarting("10.0.0.1", voters) == ""


def test_a_member_that_does_not_answer_is_restarted_whoever_else_is_missing():
    assert restarting("10.0.0.2", voting(_1=True, _2=False, _3=False)) == ""


class Etcd(EtcdMembers):
    """Members by name."""

    quorum: Quorum

    def are(self, *names: str, silent: Collection[str] = ()) -> None:
        """From now on, these are the members, and some do not answer."""
        self.members.clear()
        self.up.clear()
        for name in names:
            self.add(name, ADDRESSES[name], up=name not in silent)

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.members.values()]


@pytest.fixture
def etcd() -> Etcd:
    made = Etcd()
    made.are(*THREE)
    endpoints = tuple(f"{address}:2379" for address in ADDRESSES.values())
    made.quorum = Quorum(made.etcdctl, lambda: Config(endpoints), patience=0)
    return made


def leaving(name: str, *, machine: str = MACHINE, preview: bool = False) -> str:
    asked = {"name": name, "address": ADDRESSES[name], "machine": machine, "preview": preview}
    return json.dumps(asked)


def test_a_machine_goes_when_etcd_can_do_without_it(etcd: Etcd):
    etcd.quorum.may_leave(leaving("machine-2"))
    etcd.quorum.may_leave(leaving("machine-4"))
    assert etcd.done == []


@pytest.mark.parametrize("preview", [True, False])
def test_a_machine_is_refused_to_go_while_another_is_missing(etcd: Etcd, preview: bool):
    etcd.are(*THREE, silent=["machine-3"])
    with pytest.raises(RefusedError, match="machine-2 has to stay"):
        etcd.quorum.may_leave(leaving("machine-2", preview=preview))


def test_a_learner_has_no_vote(etcd: Etcd):
    etcd.are("machine-1", "machine-2")
    etcd.add("machine-3", ADDRESSES["machine-3"], learner=True)
    with pytest.raises(RefusedError, match="needs 2 of its 2 members"):
        etcd.quorum.may_leave(leaving("machine-2"))


def test_without_a_majority_no_member_goes(etcd: Etcd):
    etcd.are(*THREE, silent=["machine-1", "machine-3"])
    with pytest.raises(RefusedError, match="lost its majority"):
        etcd.quorum.may_leave(leaving("machine-2"))


def test_a_preview_has_nothing_against_what_is_dead_already(etcd: Etcd):
    etcd.are(*THREE, silent=["machine-2", "machine-3"])
    etcd.quorum.may_leave(leaving("machine-2", preview=True))


def test_a_machine_that_another_one_has_replaced_may_go(etcd: Etcd):
    etcd.are(*THREE, silent=["machine-3"])
    key = address_key(ADDRESSES["machine-2"])
    etcd.values[key] = "another"
    etcd.quorum.may_leave(leaving("machine-2"))
    etcd.values[key] = MACHINE
    with pytest.raises(RefusedError):
        etcd.quorum.may_leave(leaving("machine-2"))


def reboots(etcd: Etcd, machine: str, failure: str = "") -> None:
    etcd.values[REBOOT_LOCK] = RebootLock(machine, "1st", failure=failure).to_json()


def test_no_machine_goes_and_no_member_is_restarted_while_another_reboots(etcd: Etcd):
    reboots(etcd, "9d04")
    etcd.values[address_key(ADDRESSES["machine-2"])] = MACHINE
    with pytest.raises(RefusedError, match="machine 9d04 is rebooted by fleet"):
        etcd.quorum.may_leave(leaving("machine-2"))
    with pytest.raises(RefusedError, match="machine 9d04 is rebooted by fleet"):
        etcd.quorum.may_restart(ADDRESSES["machine-2"], list(ADDRESSES.values()))
    etcd.quorum.may_leave(leaving("machine-2", preview=True))


@pytest.mark.parametrize(("machine", "failure"), [(MACHINE, ""), ("9d04", "it is away")])
def test_its_own_reboot_or_one_that_does_not_end_keeps_nothing(
    etcd: Etcd, machine: str, failure: str
):
    reboots(etcd, machine, failure)
    etcd.values[address_key(ADDRESSES["machine-2"])] = MACHINE
    etcd.quorum.may_leave(leaving("machine-2"))
    etcd.quorum.may_leave(leaving("machine-2", machine=""))
    etcd.quorum.may_restart(ADDRESSES["machine-2"], list(ADDRESSES.values()))


def test_a_lock_that_is_no_record_keeps_nothing(etcd: Etcd):
    etcd.values[REBOOT_LOCK] = "?"
    etcd.quorum.may_leave(leaving("machine-2"))


def smaller(*names: str) -> str:
    return json.dumps({"members": {name: ADDRESSES[name] for name in names}})


def test_what_is_not_wanted_any_more_is_removed_the_dead_first(etcd: Etcd):
    etcd.are(*FIVE, silent=["machine-5"])
    etcd.quorum.remove_members(smaller(*THREE))
    assert etcd.done == ["member remove a5", "member remove a4"]
    assert etcd.names == list(THREE)


def test_etcd_does_not_get_smaller_while_one_that_is_to_stay_is_missing(etcd: Etcd):
    etcd.are(*FIVE, silent=["machine-2"])
    for step in (etcd.quorum.may_shrink, etcd.quorum.remove_members):
        with pytest.raises(RefusedError, match="machine-2 does not answer"):
            step(smaller(*THREE))
    assert etcd.done == []


def test_nothing_is_asked_of_the_missing_when_etcd_stays_as_it_is(etcd: Etcd):
    etcd.are(*THREE, silent=["machine-2"])
    for step in (etcd.quorum.may_shrink, etcd.quorum.remove_members):
        step(smaller(*THREE))
        step(smaller(*FIVE))
    assert etcd.done == []
