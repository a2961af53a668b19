"""Keys of etcd that a program may write are those that the application's role may write."""

import pulumi
import pytest

from fleet_cluster.fleet.etcd_roles import APP
from fleet_cluster.fleet.etcd_roles import OWN as ROLES
from fleet_cluster.keys import check_key

PREFIXES = {permission.prefix for role in ROLES for permission in role.permissions}
OWN = {permission.prefix for permission in APP.permissions if permission.access == "readwrite"}


@pytest.mark.parametrize("prefix", sorted(OWN))
def test_the_applications_keys_are_allowed(prefix: str) -> None:
    assert check_key(f"{prefix}/greeting") == f"{prefix}/greeting"


@pytest.mark.parametrize("prefix", sorted(PREFIXES - OWN))
def test_keys_of_other_roles_are_refused(prefix: str) -> None:
    with pytest.raises(pulumi.RunError):
        check_key(f"{prefix}/greeting")
