"""Authentication of etcd: a certificate's common name is its user, and each has one role."""

from ..etcd_roles import Grants, roles
from .etcdctl import Etcdctl
from .shell import StepError


def enable_auth(etcdctl: Etcdctl, address: str, grants: Grants) -> None:
    """Makes users and roles, and turns authentication on, where it is off."""
    here = [address]
    if '"enabled":true' in etcdctl(here, "auth", "status", "--write-out=json").replace(" ", ""):
        return
    for role in roles(grants):
        _create(etcdctl, here, "role", "add", role.name)
        _create(etcdctl, here, "user", "add", role.name, "--no-password")
        etcdctl(here, "user", "grant-role", role.name, role.name)
        for permission in role.permissions:
            grant = (role.name, "--prefix=true", permission.access, permission.prefix)
            etcdctl(here, "role", "grant-permission", *grant)
    etcdctl(here, "auth", "enable")


def _create(etcdctl: Etcdctl, here: list[str], *arguments: str) -> None:
    """Adds a user or role; one that is there already is fine."""
    try:
        etcdctl(here, *arguments)
    except StepError as error:
        if "already exists" not in str(error):
            raise
