"""Authentication of etcd: a certificate's common name is its user, and each has one role."""

from .etcdctl import Etcdctl
from .shell import StepError

PERMISSIONS = {
    "fleet": [("readwrite", "/fleet")],
    "app": [("readwrite", "/app"), ("readwrite", "/test")],
    "nginx": [("read", "/app")],
}
"""What each role's certificate may do in etcd, by key prefix."""


def enable_auth(etcdctl: Etcdctl, address: str) -> None:
    """Makes users and roles, and turns authentication on, where it is off."""
    here = [address]
    if '"enabled":true' in etcdctl(here, "auth", "status", "--write-out=json").replace(" ", ""):
        return
    for role in ("root", *PERMISSIONS):
        _create(etcdctl, here, "role", "add", role)
        _create(etcdctl, here, "user", "add", role, "--no-password")
        etcdctl(here, "user", "grant-role", role, role)
    for role, grants in PERMISSIONS.items():
        for access, prefix in grants:
            etcdctl(here, "role", "grant-permission", role, "--prefix=true", access, prefix)
    etcdctl(here, "auth", "enable")


def _create(etcdctl: Etcdctl, here: list[str], *arguments: str) -> None:
    """Adds a user or role; one that is there already is fine."""
    try:
        etcdctl(here, *arguments)
    except StepError as error:
        if "already exists" not in str(error):
            raise
