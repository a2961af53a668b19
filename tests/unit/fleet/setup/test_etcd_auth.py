"""Users of etcd and what they may do are those that are wanted, in new clusters and others."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy

import pytest

from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.etcd_roles import Grants
from fleet_cluster.fleet.kv import Put
from fleet_cluster.fleet.model.keys import address_key, eligibility_key, machine_key
from fleet_cluster.fleet.model.records import Eligibility, MachineState
from fleet_cluster.fleet.setup.etcd_auth import EtcdAuth, Workers
from fleet_cluster.fleet.setup.inputs import MachineRemoval, Worker
from fleet_cluster.fleet.setup.shell import RefusedError
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.kv import MemoryKV

from .etcd_members import EtcdMembers
from .etcd_users import GRANTS, EtcdUsers

BEFORE: Mapping[str, Mapping[tuple[str, str], str]] = {
    "fleet": {("/fleet", "/fleeu"): "readwrite"},
    "app": {("/app", "/apq"): "readwrite", ("/test", "/tesu"): "readwrite"},
    "nginx": {("/app", "/apq"): "read"},
}
"""What clusters were made with before a slash ended each."""


def reconciled(users: EtcdUsers, grants: Grants = GRANTS) -> list[str]:
    """What was changed."""
    etcd = EtcdMembers(auth=users)
    etcd.add("machine-1", "10.0.0.1")
    EtcdAuth(etcd.etcdctl, "10.0.0.1").reconcile(grants)
    return etcd.done


def test_a_new_cluster_gets_all_of_it_and_authentication_last():
    users = EtcdUsers()
    assert reconciled(users)[-1] == "auth enable"
    assert users == EtcdUsers.with_grants(GRANTS)
    assert users.roles["nginx"] == {
        ("/fleet/internal/fleet/sinatra", "/fleet/internal/fleet/sinatrb"): "read",
        ("/app/nginx", "/app/nginy"): "read",
    }
    assert users.roles["app"] == {
        ("/app/", "/app0"): "readwrite",
        ("/test/", "/test0"): "readwrite",
    }
    assert reconciled(users) == []


def test_grants_of_before_are_given_up_when_the_present_ones_are_there():
    users = EtcdUsers.with_grants(GRANTS)
    users.roles.update({name: dict(one) for name, one in BEFORE.items()})
    done = reconciled(users)
    assert users == EtcdUsers.with_grants(GRANTS)
    of_nginx = [line.split()[1] for line in done if " nginx " in line]
    assert of_nginx == ["grant-permission", "grant-permission", "revoke-permission"]


def no_enable(users: EtcdUsers) -> None:
    users.enabled = False


def other_access(users: EtcdUsers) -> None:
    users.roles["nginx"]["/app/server", "/app/serves"] = "readwrite"


def one_key(users: EtcdUsers) -> None:
    users.roles["nginx"]["/fleet/leader", ""] = "read"


def everything(users: EtcdUsers) -> None:
    users.roles["app"]["/", "\0"] = "write"


def another_role(users: EtcdUsers) -> None:
    users.users["nginx"].append("root")


def no_role(users: EtcdUsers) -> None:
    users.users["fleet"].clear()


@pytest.mark.parametrize(
    "by_hand", [no_enable, other_access, one_key, everything, another_role, no_role]
)
def test_what_differs_is_mended_and_nothing_else_touched(by_hand: Callable[[EtcdUsers], None]):
    users = EtcdUsers.with_grants(GRANTS)
    by_hand(users)
    assert len(reconciled(users)) == 1
    assert users == EtcdUsers.with_grants(GRANTS)


def test_a_role_that_no_program_has_any_more_goes_with_its_user():
    users = EtcdUsers.with_grants({**GRANTS, "web": {"readwrite": ["/web/"]}})
    assert reconciled(users) == ["user delete web", "role delete web"]
    assert users == EtcdUsers.with_grants(GRANTS)


def test_a_user_that_somebody_made_otherwise_stays():
    users = EtcdUsers.with_grants(GRANTS)
    users.roles["reader"] = {("/app/", "/app0"): "read"}
    users.users |= {"alice": ["reader"], "reader": ["reader", "app"]}
    before = deepcopy(users)
    assert reconciled(users) == []
    assert users == before


def reports(machine: str, address: str) -> Mapping[tuple[str, str], str]:
    """What a worker may do, by range."""
    below = {
        f"/fleet/{kind}/{machine}" for kind in ("states", "orders", "duplicates", "run-reports")
    }
    return {
        ("/fleet/", "/fleet0"): "read",
        (f"/fleet/machines/{machine}", ""): "readwrite",
        (f"/fleet/addresses/{address}", ""): "readwrite",
        **{(f"{one}/", f"{one}0"): "readwrite" for one in below},
    }


class Office:
    """A member of etcd where workers are taken in."""

    def __init__(self) -> None:
        self.users = EtcdUsers.with_grants(GRANTS)
        self.etcd = EtcdMembers(auth=self.users)
        self.etcd.add("machine-1", "10.0.0.1", up=False)
        self.etcd.add("machine-2", "10.0.0.2")
        self.etcd.add("machine-3", "10.0.0.3")
        self.kv = MemoryKV(FakeClock())
        settings = Config(("10.0.0.1:2379", "10.0.0.2:2379", "10.0.0.3:2379"))
        self.workers = Workers(self.etcd.etcdctl, lambda: settings, lambda _: self.kv)

    def admit(self, id: str, name: str = "machine-4", address: str = "10.0.0.4") -> list[str]:
        """What was changed of users."""
        self.etcd.done.clear()
        self.workers.admit(json.dumps(Worker(name, address, id, "data").to_wire()))
        return self.etcd.done

    def dismiss(self, id: str, name: str = "machine-4") -> None:
        gone = MachineRemoval(name, "10.0.0.4", id, preview=False)
        self.workers.dismiss(json.dumps(gone.to_wire()))


def test_a_worker_gets_one_role_for_its_own_reports_and_no_other_is_touched():
    office = Office()
    office.admit("aa")
    office.admit("bb", "machine-5", "10.0.0.5")
    before = deepcopy(office.users)
    assert office.users.roles["worker.machine-4"] == reports("aa", "10.0.0.4")
    assert office.users.users["worker.machine-4"] == ["worker.machine-4"]
    assert len(office.admit("cc", "machine-6", "10.0.0.6")) == 10
    del office.users.roles["worker.machine-6"], office.users.users["worker.machine-6"]
    assert office.users == before
    assert office.admit("aa") == []


def test_a_machine_made_anew_may_write_nothing_of_the_one_before():
    office = Office()
    office.admit("aa")
    lease = office.kv.grant(10)
    record = MachineState("aa", "10.0.0.4", "machine-4").to_json()
    office.kv.commit([Put(machine_key("aa"), record, lease)])
    done = office.admit("bb")
    assert office.users.roles["worker.machine-4"] == reports("bb", "10.0.0.4")
    kinds = [line.split()[1] for line in done]
    assert kinds == ["grant-permission"] * 5 + ["revoke-permission"] * 5
    assert not office.kv.leases and office.kv.value(machine_key("aa")) is None
    assert Eligibility.from_json(office.kv.value(eligibility_key("aa")) or "").removed
    assert office.kv.value(address_key("10.0.0.4")) == "bb"


@pytest.mark.parametrize("owner", ["10.0.0.1", "10.0.0.5"])
def test_an_id_that_another_address_has_is_refused_and_changes_nothing(owner: str):
    """Or a worker would become another machine by saying so."""
    office = Office()
    office.kv.put(address_key(owner), "aa")
    before = deepcopy(office.users)
    with pytest.raises(RefusedError, match=f"id aa, which the machine at {owner} has too"):
        office.admit("aa")
    assert office.users == before and office.kv.value(address_key("10.0.0.4")) is None


def test_a_worker_that_goes_is_forgotten_unless_its_name_is_another_machines():
    office = Office()
    before = deepcopy(office.users)
    office.admit("aa")
    office.admit("bb")
    office.dismiss("aa")
    assert "worker.machine-4" in office.users.users
    office.dismiss("bb")
    office.dismiss("bb")
    office.dismiss("cc", "machine-9")
    assert office.users == before


def test_a_worker_whose_end_was_broken_off_is_forgotten_the_next_time():
    """As when etcd elected between the two changes: its user is gone, its role is not."""
    office = Office()
    before = deepcopy(office.users)
    office.admit("aa")
    del office.users.users["worker.machine-4"]
    office.dismiss("aa")
    assert office.users == before


def test_workers_stay_when_roles_are_reconciled():
    """A machine that becomes a member of etcd shows a worker's certificate for a while."""
    office = Office()
    office.admit("aa")
    assert reconciled(office.users) == []
