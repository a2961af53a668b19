"""Users of etcd and what they may do are those that are wanted, in new clusters and others."""

from collections.abc import Callable, Mapping
from copy import deepcopy

import pytest

from fleet_cluster.fleet.etcd_roles import Grants
from fleet_cluster.fleet.setup.etcd_auth import EtcdAuth

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
        ("/app/server", "/app/serves"): "read",
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
