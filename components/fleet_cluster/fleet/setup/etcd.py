"""The step `etcd`: one path for every member that comes; `quorum.py` is about those that go.

The first machine bootstraps a cluster of one, once. Every other first boot, growth or replacement
removes the stale member of that name, joins as a learner, and is promoted when it has caught up.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection

from .files import CLIENT_PORT, ETCD_PKI, PEER_PORT, File, etcd_environment
from .shell import StepError, run, say, systemctl, until, write

DATA = Path("/var/lib/etcd/default")
ENVIRONMENT = "/etc/default/etcd"
IDENTITY = "/fleet/cluster"
"""The id that fleet gives to a store that has none."""
PATIENCE = 90.0
"""Seconds that a member gets to answer, and a learner to catch up."""
PERMISSIONS = {
    "fleet": [("readwrite", "/fleet")],
    "app": [("readwrite", "/app"), ("readwrite", "/test")],
    "nginx": [("read", "/app")],
}
"""What each role's certificate may do in etcd, by key prefix."""


@dataclass(frozen=True)
class Membership:
    """What the step `etcd` gets on stdin."""

    resource: str
    name: str
    address: str
    members: Mapping[str, str]
    """All machines that are to keep etcd's data: name to address."""


@dataclass(frozen=True)
class EtcdMember:
    """A member as etcd knows it. One that never started has no name."""

    id: str
    name: str
    peer: str
    learner: bool


def member(stdin: str, bootstrap: bool) -> None:
    """Make this machine a member of etcd in good health."""
    wanted = Membership(**json.loads(stdin))
    others = [address for name, address in wanted.members.items() if name != wanted.name]
    stood_still = not is_running()
    if (DATA / "member" / "wal").exists() and restart(wanted):
        say(f"etcd on {wanted.name} is a member already")
        if bootstrap and stood_still and is_alone(wanted):
            forget_identity(wanted)
    elif cluster := reachable(others):
        join(wanted, cluster)
    elif bootstrap:
        start_new(wanted)
    else:
        raise StepError(
            f"etcd on {wanted.name} has no data, and no other member answers "
            f"({', '.join(others) or 'there is none'}): a majority of etcd's members is needed. "
            f"{way_out(wanted.name, others)}"
        )
    if bootstrap:
        protect(wanted)


def way_out(name: str, others: list[str]) -> str:
    """What to do when all members have lost their data, or do not answer."""
    return (
        "Bring the other machines back, or restore a snapshot."
        if others
        else f"It was the only one: pulumi up --replace '**::{name}-etcd' makes an empty etcd; "
        "or restore a snapshot."
    )


def start_new(wanted: Membership) -> None:
    """Bootstrap a cluster of one, once: a member that loses its data must not do it by itself."""
    say(f"etcd on {wanted.name}: bootstrapping a new cluster")
    shutil.rmtree(DATA, ignore_errors=True)
    alone = f"{wanted.name}={peer_url(wanted.address)}"
    configure(wanted, alone, "new")
    systemctl("enable", "--now", "etcd.service")
    wait(lambda: healthy(wanted.address), f"etcd on {wanted.name} to answer")
    configure(wanted, alone, "existing")


def join(wanted: Membership, cluster: list[str]) -> None:
    """Become a learner of the running cluster, catch up, be promoted."""
    say(f"etcd on {wanted.name}: joining as a learner")
    # etcd refuses changes until its members have been connected for 5 s.
    wait(lambda: added(wanted, cluster), f"etcd to accept {wanted.name} as a learner")
    systemctl("stop", "etcd.service")
    shutil.rmtree(DATA, ignore_errors=True)
    named = [(one.name or wanted.name, one.peer) for one in members(cluster)]
    configure(wanted, ",".join(f"{name}={peer}" for name, peer in named), "existing")
    systemctl("enable", "etcd.service")
    systemctl("restart", "etcd.service")
    wait(lambda: promoted(wanted, cluster), f"etcd on {wanted.name} to catch up and be promoted")


def added(wanted: Membership, cluster: list[str]) -> bool:
    """Add the learner, in place of a stale member of that name or address."""
    for stale in members(cluster):
        if stale.name == wanted.name or stale.peer == peer_url(wanted.address):
            say(f"etcd: removing the stale member {stale.id} of {wanted.name}")
            etcdctl(cluster, "member", "remove", stale.id)
    peer = f"--peer-urls={peer_url(wanted.address)}"
    etcdctl(cluster, "member", "add", wanted.name, "--learner", peer)
    return True


def restart(wanted: Membership) -> bool:
    """Start etcd on the data that is here. False if the cluster has removed this member."""
    systemctl("enable", "--now", "etcd.service")
    others = [address for name, address in wanted.members.items() if name != wanted.name]
    cluster = reachable(others)
    if cluster and peer_url(wanted.address) not in [one.peer for one in members(cluster)]:
        return False
    wait(lambda: healthy(wanted.address), f"etcd on {wanted.name} to answer")
    return True


def is_running() -> bool:
    """Whether systemd has etcd running."""
    try:
        run("systemctl", "is-active", "--quiet", "etcd.service")
    except StepError:
        return False
    return True


def is_alone(wanted: Membership) -> bool:
    """Whether this member is all of the cluster, as after a snapshot was restored."""
    here = [one.peer for one in members([wanted.address])]
    return here == [peer_url(wanted.address)]


def forget_identity(wanted: Membership) -> None:
    """Have fleet give the data another id: they may have been put back while etcd stood still.

    fleet sees by itself that a store went back in time, but not before the next step asks.
    """
    say(f"etcd on {wanted.name}: its data may be those of a snapshot, they get another id")
    etcdctl([wanted.address], "del", IDENTITY)


def promoted(wanted: Membership, cluster: list[str]) -> bool:
    """Whether this machine's member votes; a learner that has caught up is promoted."""
    mine = [one for one in members(cluster) if one.peer == peer_url(wanted.address)]
    if mine and mine[0].learner:
        # A promotion right behind another change gets lost, and etcd tells only after 7 s.
        etcdctl(cluster, "member", "promote", mine[0].id, seconds=2)
    return healthy(wanted.address)


def retire() -> None:
    """On a machine that is no member, or not any more: no etcd, none of its data and keys."""
    if Path(ETCD_PKI).exists():
        systemctl("disable", "--now", "etcd.service")
        shutil.rmtree(ETCD_PKI)
        shutil.rmtree(DATA, ignore_errors=True)


def protect(wanted: Membership) -> None:
    """Turn on authentication: a certificate's common name is its user, and each has one role."""
    here = [wanted.address]
    if '"enabled":true' in etcdctl(here, "auth", "status", "--write-out=json").replace(" ", ""):
        return
    for role in ("root", *PERMISSIONS):
        create(here, "role", "add", role)
        create(here, "user", "add", role, "--no-password")
        etcdctl(here, "user", "grant-role", role, role)
    for role, grants in PERMISSIONS.items():
        for access, prefix in grants:
            etcdctl(here, "role", "grant-permission", role, "--prefix=true", access, prefix)
    etcdctl(here, "auth", "enable")


def create(endpoints: list[str], *arguments: str) -> None:
    """Add a user or role; one that is there already is fine."""
    try:
        etcdctl(endpoints, *arguments)
    except StepError as error:
        if "already exists" not in str(error):
            raise


def configure(wanted: Membership, initial_cluster: str, state: str) -> None:
    """Write etcd's configuration."""
    text = etcd_environment(wanted.name, wanted.address, initial_cluster, state)
    write(ENVIRONMENT, File(text))


def members(endpoints: list[str]) -> list[EtcdMember]:
    """The members that the cluster knows."""
    listed = json.loads(etcdctl(endpoints, "member", "list", "--write-out=json"))
    return [
        EtcdMember(
            id=f"{one['ID']:x}",
            name=one.get("name", ""),
            peer=one["peerURLs"][0],
            learner=one.get("isLearner", False),
        )
        for one in listed["members"]
    ]


def reachable(endpoints: list[str]) -> list[str]:
    """Those that answer, with a leader; asking a dead one would only cost time."""
    return [endpoint for endpoint in endpoints if healthy(endpoint)]


def healthy(endpoint: str) -> bool:
    """Whether this member answers, with a leader."""
    try:
        # etcdctl would go on dialling a port where nobody listens.
        create_connection((endpoint, CLIENT_PORT), timeout=2).close()
        etcdctl([endpoint], "endpoint", "health")
    except (StepError, OSError):
        return False
    return True


def etcdctl(endpoints: list[str], *arguments: str, seconds: int = 8) -> str:
    """Run etcdctl as etcd's root, for so many seconds at most."""
    urls = ",".join(f"https://{address}:{CLIENT_PORT}" for address in endpoints)
    flags = {"CACERT": "ca.crt", "CERT": "root.crt", "KEY": "root.key"}
    env = {f"ETCDCTL_{flag}": f"{ETCD_PKI}/{name}" for flag, name in flags.items()}
    limits = ("--dial-timeout=3s", f"--command-timeout={seconds}s")
    return run(
        "etcdctl",
        f"--endpoints={urls}",
        *limits,
        *arguments,
        env={**env, "ETCDCTL_API": "3"},
    )


def peer_url(address: str) -> str:
    """Where a member's peers reach it."""
    return f"https://{address}:{PEER_PORT}"


def wait(ready: Callable[[], bool], what: str) -> None:
    """Wait until it is so; etcd has no event for it.

    Raises:
        StepError: patience is at its end; with the last refusal, and etcd's journal.
    """
    refusals = [""]

    def asked() -> bool:
        try:
            return ready()
        except StepError as error:  # A learner lags behind, or an election is going on.
            refusals.append(f"; the last answer: {error}")
            return False

    if not until(asked, PATIENCE):
        lines = run("journalctl", "--no-pager", "--lines=20", "--unit=etcd.service")
        raise StepError(
            f"waited {PATIENCE:.0f} s for {what}{refusals[-1]}\nThe journal of etcd:\n{lines}"
        )
