"""etcd's roles: who may do what with which keys, and which machines hold the certificate. Pure.

A role has one user, of the same name, which is the common name of its certificate.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Access = Literal["read", "readwrite"]
ACCESS: tuple[Access, ...] = ("read", "readwrite")
"""What a permission allows, in etcd's words."""


FLEETS_KEYS = "/fleet/"
_GLOB = re.compile(r"/[A-Za-z0-9_.@:-][A-Za-z0-9_./@:-]*")


@dataclass(frozen=True)
class Permission:
    """A permission for all keys with a prefix, as `etcdctl role grant-permission` has it."""

    access: Access
    prefix: str

    @property
    def range_end(self) -> str:
        """The first key after those with the prefix."""
        return self.prefix[:-1] + chr(ord(self.prefix[-1]) + 1)


@dataclass(frozen=True)
class Role:
    """A role of etcd."""

    name: str
    permissions: tuple[Permission, ...]
    members_only: bool = False
    """Whether only etcd's members hold its certificate, for root alone to read there."""


FLEET = Role("fleet", (Permission("readwrite", FLEETS_KEYS),))
"""fleetd's and fleetctl's."""
APP = Role("app", (Permission("readwrite", "/app/"), Permission("readwrite", "/test/")))
"""What units and people use."""
ROOT = Role("root", (), members_only=True)
"""What changes etcd's members and users: etcd itself gives it every permission."""
OWN = (FLEET, APP, ROOT)
"""Roles that every cluster has; a program adds its own."""
Grants = Mapping[str, Mapping[str, Sequence[str]]]
"""A program's roles as JSON: globs of keys by access (read, readwrite) by name of the role."""


def is_glob(text: str) -> bool:
    """Whether this names keys that a program's role may be given: none of fleet's.

    It ends in a slash, for the keys below it, or in a star, for all that begin so.
    """
    prefix = text.removesuffix("*")
    of_fleet = prefix.startswith(FLEETS_KEYS) or FLEETS_KEYS.startswith(prefix)
    return text.endswith(("/", "*")) and bool(_GLOB.fullmatch(prefix)) and not of_fleet


def roles(grants: Grants) -> list[Role]:
    """All roles of a cluster, its own and those of its program."""
    own = {role.name for role in OWN}
    return [*OWN, *(_role(name, of) for name, of in grants.items() if name not in own)]


def _role(name: str, of: Mapping[str, Sequence[str]]) -> Role:
    permissions = [
        Permission(access, glob.removesuffix("*"))
        for access in ACCESS
        for glob in of.get(access, ())
    ]
    return Role(name, tuple(permissions))


def all_grants(grants: Grants) -> Grants:
    """The same with those of a cluster's own roles."""
    own: dict[str, dict[str, list[str]]] = {}
    for role in OWN:
        for one in role.permissions:
            own.setdefault(role.name, {}).setdefault(one.access, []).append(one.prefix)
    return {**own, **grants}


def held_by(grants: Grants, *, member: bool) -> list[Role]:
    """Roles whose certificates a machine holds, a member of etcd or another one."""
    return [role for role in roles(grants) if member or not role.members_only]
