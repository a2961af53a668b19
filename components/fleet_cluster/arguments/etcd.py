"""A cluster's arguments about etcd: how many members it has, how it runs, and who may do what."""

import re
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from ..errors import between, not_allowed
from ..fleet.etcd_configuration import (
    HEARTBEAT_INTERVAL,
    QUOTA_BACKEND_BYTES,
    EtcdSettings,
    election_timeouts,
)
from ..fleet.etcd_roles import ACCESS, OWN, Grants, is_glob

ETCD_SIZES = (1, 3, 5)
ROLE_NAME = re.compile(r"(?!machine-)[a-z][a-z0-9-]{0,31}")


class EtcdRole(TypedDict):
    """What a user of etcd may do."""

    read: NotRequired[Sequence[str]]
    """Keys that it may read: /app/ is all below it, /app/web* all that begin so. Of fleet's keys,
    /fleet/internal/fleet/NAME/ tells where units with Name=NAME are."""
    readwrite: NotRequired[Sequence[str]]
    """Keys that it may read and write, named in the same way."""


class EtcdArgs(TypedDict):
    """Arguments of a cluster about etcd; `ClusterArgs` says what each is."""

    etcd_size: NotRequired[int]
    etcd_roles: NotRequired[Mapping[str, EtcdRole]]
    etcd_quota_backend_bytes: NotRequired[int]
    etcd_heartbeat_interval: NotRequired[int]
    etcd_election_timeout: NotRequired[int]


def etcd_size(args: EtcdArgs, size: int) -> int:
    """How many members etcd gets: a cluster smaller than that takes the largest size that fits.

    Raises:
        InputError: it is none of 1, 3 and 5.
    """
    given = args.get("etcd_size", 3)
    if given not in ETCD_SIZES:
        raise not_allowed("etcd_size", given, "1, 3 or 5")
    return min(given, max(one for one in ETCD_SIZES if one <= size))


def etcd_settings(args: EtcdArgs, agent_ttl: int) -> EtcdSettings:
    """What the program chooses of etcd's configuration.

    Raises:
        InputError: it is not allowed.
    """
    usual = EtcdSettings()
    quota = args.get("etcd_quota_backend_bytes", usual.quota_backend_bytes)
    heartbeat = args.get("etcd_heartbeat_interval", usual.heartbeat_interval)
    election: object = args.get("etcd_election_timeout", usual.election_timeout)
    between("etcd_quota_backend_bytes", quota, *QUOTA_BACKEND_BYTES)
    between("etcd_heartbeat_interval", heartbeat, *HEARTBEAT_INTERVAL)
    low, high = election_timeouts(heartbeat, agent_ttl)
    if not isinstance(election, int) or not low <= election <= high:
        allowed = f"{low} to {high}: five of etcd_heartbeat_interval up to half of agent_ttl"
        raise not_allowed("etcd_election_timeout", election, allowed)
    return EtcdSettings(quota, heartbeat, election)


def etcd_roles(args: EtcdArgs) -> Grants:
    """What roles of the program may do.

    Raises:
        InputError: a name or a grant is not allowed.
    """
    taken = [role.name for role in OWN]
    given: dict[str, dict[str, Sequence[str]]] = {}
    for name, role in args.get("etcd_roles", {}).items():
        at = f"etcd_roles.{name}"
        if name in taken or not ROLE_NAME.fullmatch(name):
            allowed = f"a name of a-z, 0-9 and -, that is not {', '.join(taken)} or a machine's"
            raise not_allowed(at, name, allowed)
        given[name] = {access: list(role.get(access, ())) for access in ACCESS}
        for access, globs in given[name].items():
            for number, glob in enumerate(globs):
                if not is_glob(glob, access):
                    allowed = (
                        "/app/ for the keys below it, or /app* for all that begin so, also /app2; "
                        "of fleet's, /fleet/internal/fleet/NAME* and /fleet/cluster* to read"
                    )
                    raise not_allowed(f"{at}.{access}[{number}]", glob, allowed)
    return given
