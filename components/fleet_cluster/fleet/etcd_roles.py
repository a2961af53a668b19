"""etcd's roles: who may do what with which keys, and which machines hold the certificate. Pure.

A role has one user, of the same name, which is the common name of its certificate.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Permission:
    """A permission for all keys with a prefix, as `etcdctl role grant-permission` has it."""

    access: Literal["read", "readwrite"]
    prefix: str


@dataclass(frozen=True)
class Role:
    """A role of etcd."""

    name: str
    permissions: tuple[Permission, ...]
    members_only: bool = False
    """Whether only etcd's members hold its certificate, for root alone to read there."""


FLEET = Role("fleet", (Permission("readwrite", "/fleet"),))
"""fleetd's and fleetctl's."""
APP = Role("app", (Permission("readwrite", "/app"), Permission("readwrite", "/test")))
"""What units and people use."""
NGINX = Role("nginx", (Permission("read", "/app"),))
"""What follows the pool for nginx."""
ROOT = Role("root", (), members_only=True)
"""What changes etcd's members and users: etcd itself gives it every permission."""
ROLES = (FLEET, APP, NGINX, ROOT)


def held_by(*, member: bool) -> list[Role]:
    """Roles whose certificates a machine holds, a member of etcd or another one."""
    return [role for role in ROLES if member or not role.members_only]
