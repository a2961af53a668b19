"""etcd's configuration: what a program may choose, and what a member is started with. Pure.

etcd reads all of it once, when it starts. Its version, and digests of the files among it, are
variables of its environment too, which etcd passes over: so its process tells what it was started
with.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30
QUOTA_BACKEND_BYTES = (256 * MIB, 8192 * MIB)
"""Lowest and highest: etcd warns of more."""
HEARTBEAT_INTERVAL = (50, 500)
"""At most half of any election timeout: members are restarted one by one, so that for a while some
have the old and some the new one."""
ELECTION_TIMEOUT = (1000, 50000)
"""The highest is etcd's own limit."""
ETCD_PKI = "/etc/etcd/pki"
"""Where a member has its certificates."""
PREFIX = "ETCD_"
QUOTA = "ETCD_QUOTA_BACKEND_BYTES"
HOW_IT_BEGAN = ("ETCD_INITIAL_CLUSTER", "ETCD_INITIAL_CLUSTER_STATE")
"""Read where there are no data, and never again."""


@dataclass(frozen=True)
class EtcdSettings:
    """Settings of all members."""

    quota_backend_bytes: int = 2048 * MIB
    """Bytes of data from which on nothing more can be written."""
    heartbeat_interval: int = 100
    """Milliseconds between a leader's heartbeats; etcd's usual, like the next."""
    election_timeout: int = 1000
    """Milliseconds without a heartbeat after which members elect another leader. A lost leader
    costs two to three of them: the election, and one that every lease gets on top of its time."""

    def variables(self) -> dict[str, str]:
        """As variables of etcd's environment."""
        return {f"{PREFIX}{name.upper()}": str(value) for name, value in vars(self).items()}


def election_timeouts(heartbeat_interval: int, agent_ttl: int) -> tuple[int, int]:
    """Lowest and highest election timeout in milliseconds, for a heartbeat and a lease's seconds.

    etcd wants at least five heartbeats. An election takes up to two timeouts, and machines should
    not lose their leases by one.
    """
    lowest, highest = ELECTION_TIMEOUT
    return max(lowest, 5 * heartbeat_interval), min(highest, 1000 * agent_ttl // 2)


def trusted(variables: Mapping[str, str]) -> dict[str, str]:
    """Files of authorities by variable; a leaf's certificate is read again at each connection."""
    return {name: path for name, path in variables.items() if name.endswith("_TRUSTED_CA_FILE")}


def started_with(
    variables: Mapping[str, str], version: str, unit: str, authorities: Mapping[str, str]
) -> dict[str, str]:
    """All that a member is started with, as its environment.

    Args:
        variables: etcd's own.
        version: whose programs it runs.
        unit: the text of etcd.service.
        authorities: texts of the files in `trusted`, by variable.
    """
    digests = {f"{name[len(PREFIX) :]}_SHA256": digest(authorities[name]) for name in authorities}
    return {**variables, "VERSION": version, "UNIT_SHA256": digest(unit), **digests}


def changes(running: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Why a member that runs has to be restarted: each difference; empty if there is none."""
    known = {name for name in running if name.startswith(PREFIX)}
    return [
        f"{name}: {running.get(name, 'none')}, to be {wanted.get(name, 'none')}"
        for name in sorted((known | wanted.keys()) - set(HOW_IT_BEGAN))
        if running.get(name) != wanted.get(name)
    ]


def render(variables: Mapping[str, str]) -> str:
    """The text of /etc/etcd/environment, for systemd and for a shell."""
    return "".join(f'{name}="{value}"\n' for name, value in variables.items())


def parse(text: str) -> dict[str, str]:
    """Variables in a text of `render`."""
    return dict(re.findall(r'^(\w+)="(.*)"$', text, re.M))


def digest(*texts: str) -> str:
    """A digest short enough to be told."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
