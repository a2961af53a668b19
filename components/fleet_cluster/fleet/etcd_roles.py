"""etcd's roles: who may do what with which keys, and which machines hold the certificate. Pure.

A role has one user, of the same name, which is the common name of its certificate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Access = Literal["read", "readwrite"]
ACCESS: tuple[Access, ...] = ("read", "readwrite")
"""What a permission allows, in etcd's words."""


@dataclass(frozen=True)
class Permission:
    """A permission for all keys with a prefix, as `etcdctl role grant-permission` has it."""

    access: Access
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
ROOT = Role("root", (), members_only=True)
"""What changes etcd's members and users: etcd itself gives it every permission."""
OWN = (FLEET, APP, ROOT)
"""Roles that every cluster has; a program adds its own."""
Grants = Mapping[str, Mapping[str, Sequence[str]]]
"""A program's roles as JSON: prefixes by access (read, readwrite) by name of the role."""


def roles(grants: Grants) -> list[Role]:
    """All roles of a cluster, its own and those of its program."""
    added = [
        Role(
            name,
            tuple(Permission(access, prefix) for access in ACCESS for prefix in of.get(access, ())),
        )
        for name, of in grants.items()
    ]
    return [*OWN, *added]


def held_by(grants: Grants, *, member: bool) -> list[Role]:
    """Roles whose certificates a machine holds, a member of etcd or another one."""
    return [role for role in roles(grants) if member or not role.members_only]
