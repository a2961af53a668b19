"""etcd's roles: who may do what with which keys, and which machines hold the certificate. Pure.

A role has one user, of the same name, which is the common name of its certificate. Machines that
keep none of etcd's data, workers, have a role each.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .model.keys import (
    CLUSTER,
    DUPLICATES,
    INTERNAL,
    ORDERS,
    RUN_REPORTS,
    STATES,
    address_key,
    machine_key,
)

Access = Literal["read", "readwrite"]
ACCESS: tuple[Access, ...] = ("read", "readwrite")
"""What a permission allows, in etcd's words."""


FLEETS_KEYS = "/fleet/"
READABLE = (INTERNAL, CLUSTER)
"""What of them a program's role may read."""
_GLOB = re.compile(r"/[A-Za-z0-9_.@:-][A-Za-z0-9_./@:-]*")


@dataclass(frozen=True)
class Permission:
    """A permission for all keys with a prefix, as `etcdctl role grant-permission` has it."""

    access: Access
    prefix: str
    is_key: bool = False
    """Whether it is for the one key of this name."""

    @property
    def range_end(self) -> str:
        """The first key after those with the prefix; empty for the one key."""
        return "" if self.is_key else self.prefix[:-1] + chr(ord(self.prefix[-1]) + 1)


@dataclass(frozen=True)
class Role:
    """A role of etcd."""

    name: str
    permissions: tuple[Permission, ...]
    members_only: bool = False
    """Whether only etcd's members hold its certificate."""


FLEET = Role("fleet", (Permission("readwrite", FLEETS_KEYS),), members_only=True)
"""fleetd's and fleetctl's, where they may lead and write desired state."""
APP = Role("app", (Permission("readwrite", "/app/"), Permission("readwrite", "/test/")))
"""What units and people use."""
ROOT = Role("root", (), members_only=True)
"""What changes etcd's members and users, for root alone: etcd itself gives it every permission."""
DNS = Role("dns", (Permission("read", INTERNAL),))
"""CoreDNS's, on each machine: the names of services."""
WORKERS = "worker."
"""What names of workers' roles begin with, before the machine's: no program has such a role."""
OWN = (FLEET, APP, ROOT, DNS)
"""Roles that every cluster has; a program adds its own."""
Grants = Mapping[str, Mapping[str, Sequence[str]]]
"""A program's roles as JSON: globs of keys by access (read, readwrite) by name of the role."""


def is_glob(text: str, access: str) -> bool:
    """Whether this names keys that a program's role may be given `access` to, one of `ACCESS`.

    It ends in a slash, for the keys below it, or in a star, for all that begin so. Of fleet's keys,
    names of services may be read, and the id of etcd's data.
    """
    prefix = text.removesuffix("*")
    of_fleet = prefix.startswith(FLEETS_KEYS) or FLEETS_KEYS.startswith(prefix)
    may = not of_fleet or (access == "read" and prefix.startswith(READABLE))
    return text.endswith(("/", "*")) and bool(_GLOB.fullmatch(prefix)) and may


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


def worker(name: str, machine: str, address: str) -> Role:
    """The role of a worker: it reads all of fleet's keys, and writes only what it reports.

    Args:
        name: its host name.
        machine: its own id.
        address: its address inside the cluster.
    """
    keys = (machine_key(machine), address_key(address))
    below = (f"{prefix}{machine}/" for prefix in (STATES, ORDERS, DUPLICATES, RUN_REPORTS))
    return Role(
        WORKERS + name,
        (
            Permission("read", FLEETS_KEYS),
            *(Permission("readwrite", key, is_key=True) for key in keys),
            *(Permission("readwrite", prefix) for prefix in below),
        ),
    )


def held_by(grants: Grants, *, member: bool) -> list[Role]:
    """Roles whose certificates a machine holds, a member of etcd or another one."""
    return [role for role in roles(grants) if member or not role.members_only]
