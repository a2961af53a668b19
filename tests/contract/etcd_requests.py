"""Every kind of request that etcd answers its clients, with keys and leases that may be lost."""

import http
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import grpc

from fleet_cluster.fleet.etcd_roles import WORKERS
from fleet_cluster.fleet.model.keys import name_key, state_key
from tests.contract.etcd_cluster import EtcdCluster

MACHINE, WORKERS_ID, WORKERS_ADDRESS = "machine-4", "0a" * 16, "10.0.0.4"
WORKER = f"{WORKERS}{MACHINE}"
OWN = {
    "nginx": name_key("sinatra", "x"),
    "dns": name_key("web", "x"),
    "app": "/app/x",
    "fleet": "/fleet/x",
    "root": "/root/x",
    WORKER: state_key(WORKERS_ID, "x.service"),
}
"""A key of each role's."""
NEIGHBOUR = {
    "nginx": name_key("web", "x"),
    "dns": "/fleet/internals",
    "app": "/app2/x",
    "fleet": "/fleet2/x",
    "root": "/app2/x",
    WORKER: state_key(f"{WORKERS_ID}0", "x.service"),
}
"""A key that looks like one of its own, and is another's."""
WIDE = {
    "nginx": "/fleet/internal/",
    "dns": "/fleet/",
    "app": "/app",
    "fleet": "/fleet",
    "root": "/",
    WORKER: "/fleet",
}
"""A prefix of keys that goes beyond its own."""
REFUSED = (
    "permission denied",
    "user name not found",
    "user name is empty",
    "invalid auth token",
)
RAISE, DISARM = 1, 2
"""What etcd's interface calls its actions."""
UNKNOWN = "1f"
"""An id that no member and no lease has."""


class OtherError(AssertionError):
    """A request failed, and not for want of permission."""


@dataclass(frozen=True)
class Asker:
    """Whoever holds a certificate, and asks etcd with it."""

    cluster: EtcdCluster
    certificate: str

    @property
    def own(self) -> str:
        """A key of its own; nothing is a member's."""
        return OWN.get(self.certificate, "/app/x")

    @property
    def other(self) -> str:
        """A key of another's."""
        return NEIGHBOUR.get(self.certificate, "/fleet/x")

    @property
    def wide(self) -> str:
        """A prefix of its own keys and others'."""
        return WIDE.get(self.certificate, "/")

    def may(self, *words: str, stdin: str = "", passes: str = "") -> bool:
        """Whether etcd does it.

        Args:
            words: a command of `etcdctl`.
            stdin: what it reads.
            passes: how it fails when it is allowed.
        """
        done = self.cluster.run(self.certificate, *words, stdin=stdin)
        said = done.stdout + done.stderr
        if done.returncode == 0 or (passes and passes in said):
            return True
        if not any(refused in said for refused in REFUSED):
            raise OtherError(said)
        return False

    def may_watch(self, *words: str) -> bool:
        """Whether etcd tells of an event of the past."""
        command = self.cluster.command(self.certificate, "watch", "--rev=1", *words)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as watch:
            assert watch.stdout
            for line in watch.stdout:
                if line.startswith("PUT") or any(refused in line for refused in REFUSED):
                    watch.kill()
                    return line.startswith("PUT")
        raise OtherError("the watch has ended")

    def transaction(self, compare: str = "", then: str = "", otherwise: str = "") -> bool:
        """Whether etcd commits it."""
        return self.may("txn", stdin=f"{compare}\n\n{then}\n\n{otherwise}\n\n")

    def may_alarm(self, action: int) -> bool:
        """Whether etcd raises or disarms an alarm, of data that differ, of a member that is none.

        `etcdctl` can raise none, and disarms only those that it finds.
        """
        request = bytes((0x08, action, 0x10, int(UNKNOWN, 16), 0x18, 2))
        with grpc.secure_channel(f"{self.cluster.address}:2379", self._credentials()) as channel:
            try:
                channel.unary_unary("/etcdserverpb.Maintenance/Alarm")(request, timeout=5)
            except grpc.RpcError as error:
                if not any(refused in str(error) for refused in REFUSED):
                    raise OtherError(str(error)) from error
                return False
        return True

    def _credentials(self) -> grpc.ChannelCredentials:
        folder = self.cluster.folder
        files = ("ca.crt", f"{self.certificate}.key", f"{self.certificate}.crt")
        return grpc.ssl_channel_credentials(*((folder / file).read_bytes() for file in files))

    def may_disable(self) -> bool:
        """Whether etcd turns authentication off; it is on again at once."""
        allowed = self.may("auth", "disable")
        if allowed:
            self.cluster.etcdctl("root", "auth", "enable")
        return allowed

    def on_http(self, path: str, body: str = "") -> bool:
        """Whether etcd has an answer in HTTP; a body is posted."""
        status = self.cluster.http(2379, self.certificate, path, body=body)
        return status not in (0, http.HTTPStatus.NOT_FOUND)

    @property
    def peer_url(self) -> str:
        """A URL that a member has already."""
        return f"https://{self.cluster.address}:2380"

    def lease(self, key: str = "") -> str:
        """The id of a lease of root's, with a key on it if one is given."""
        granted = json.loads(self.cluster.etcdctl("root", "lease", "grant", "600", "-w=json"))
        lease = f"{granted['ID']:x}"
        if key:
            self.cluster.etcdctl("root", "put", key, "leased", f"--lease={lease}")
        return lease


REQUESTS: Mapping[str, Callable[[Asker], bool]] = {
    "get a key of its own": lambda one: one.may("get", one.own),
    "get another key": lambda one: one.may("get", one.other),
    "range of its own keys": lambda one: one.may("get", "--prefix", f"{one.own}"),
    "range that goes beyond": lambda one: one.may("get", "--prefix", one.wide),
    "count of all keys": lambda one: one.may("get", "--prefix", "", "--count-only", "-w=fields"),
    "watch a key of its own": lambda one: one.may_watch(one.own),
    "watch another key": lambda one: one.may_watch(one.other),
    "watch a range that goes beyond": lambda one: one.may_watch("--prefix", one.wide),
    "put a key of its own": lambda one: one.may("put", one.own, "1"),
    "put another key": lambda one: one.may("put", one.other, "1"),
    "delete a key of its own": lambda one: one.may("del", f"{one.own}/none"),
    "delete another key": lambda one: one.may("del", f"{one.other}/none"),
    "transaction: its own keys": lambda one: one.transaction(
        f'ver("{one.own}") > "0"', f"get {one.own}", f"get {one.own}"
    ),
    "transaction: compare another key": lambda one: one.transaction(
        f'ver("{one.other}") > "0"', f"get {one.own}"
    ),
    "transaction: another key, in a branch not taken": lambda one: one.transaction(
        f'ver("{one.own}") > "0"', f"get {one.own}", f"put {one.other} 1"
    ),
    "lease: grant": lambda one: one.may("lease", "grant", "600"),
    "lease of another: put a key of its own on it": lambda one: one.may(
        "put", one.own, "1", f"--lease={one.lease('/root/leased')}"
    ),
    "lease of another: the same, in a transaction": lambda one: one.transaction(
        "", f"put {one.own} 1 --lease={one.lease('/root/leased')}"
    ),
    "lease of another: keep alive": lambda one: one.may(
        "lease", "keep-alive", "--once", one.lease("/root/leased")
    ),
    "lease of another: keep alive, without keys": lambda one: one.may(
        "lease", "keep-alive", "--once", one.lease()
    ),
    "lease of another: revoke": lambda one: one.may("lease", "revoke", one.lease("/root/leased")),
    "lease of another: revoke, without keys": lambda one: one.may("lease", "revoke", one.lease()),
    "lease of another: time to live": lambda one: one.may(
        "lease", "timetolive", one.lease("/root/leased")
    ),
    "lease of another: time to live, with its keys": lambda one: one.may(
        "lease", "timetolive", "--keys", one.lease("/root/leased")
    ),
    "leases: list": lambda one: one.may("lease", "list"),
    "members: list": lambda one: one.may("member", "list"),
    "members: add": lambda one: one.may(
        "member", "add", "none", f"--peer-urls={one.peer_url}", passes="Peer URLs already exists"
    ),
    "members: remove": lambda one: one.may("member", "remove", UNKNOWN, passes="member not found"),
    "members: update": lambda one: one.may(
        "member", "update", UNKNOWN, "--peer-urls=https://127.0.0.1:1", passes="member not found"
    ),
    "members: promote": lambda one: one.may(
        "member", "promote", UNKNOWN, passes="member not found"
    ),
    "leader: move": lambda one: one.may("move-leader", UNKNOWN, passes="bad leader transferee"),
    "status": lambda one: one.may("endpoint", "status"),
    "health": lambda one: one.may("endpoint", "health"),
    "hash of all keys": lambda one: one.may("endpoint", "hashkv"),
    "alarms: list": lambda one: one.may("alarm", "list"),
    "alarms: raise": lambda one: one.may_alarm(RAISE),
    "alarms: disarm": lambda one: one.may_alarm(DISARM),
    "compaction": lambda one: one.may("compact", "1", passes="has been compacted"),
    "defragment": lambda one: one.may("defrag"),
    "snapshot": lambda one: one.may("snapshot", "save", str(one.cluster.folder / "snapshot")),
    "/version": lambda one: one.on_http("/version"),
    "/health": lambda one: one.on_http("/health"),
    "/metrics": lambda one: one.on_http("/metrics"),
    "/debug/vars": lambda one: one.on_http("/debug/vars"),
    "/v3, etcd's interface in JSON": lambda one: one.on_http("/v3/cluster/member/list", "{}"),
    "downgrade": lambda one: one.may("downgrade", "validate", "3.6", passes="downgrade"),
    "auth: status": lambda one: one.may("auth", "status"),
    "auth: enable": lambda one: one.may("auth", "enable"),
    "auth: disable": lambda one: one.may_disable(),
    "users: list": lambda one: one.may("user", "list"),
    "users: get its own": lambda one: one.may("user", "get", one.certificate),
    "users: get another": lambda one: one.may("user", "get", "root"),
    "users: add": lambda one: one.may("user", "add", "none", "--no-password"),
    "roles: list": lambda one: one.may("role", "list"),
    "roles: get its own": lambda one: one.may("role", "get", one.certificate),
    "roles: get another": lambda one: one.may(
        "role", "get", "app" if one.certificate == "fleet" else "fleet"
    ),
    "roles: grant": lambda one: one.may(
        "role", "grant-permission", "nginx", "read", "/app/nginx/1"
    ),
}
