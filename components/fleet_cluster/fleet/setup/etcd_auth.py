"""Authentication of etcd: a certificate's common name is its user, and each has one role."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..config import Config, read
from ..coordination.address_claim import AddressClaim
from ..etcd_roles import ROOT, WORKERS, Grants, Permission, Role, roles, worker
from ..kv import KV, Delete, KVUnavailableError
from ..model.keys import ADDRESSES, address_key, machine_key, recipient_key
from ..model.records import MachineState
from .etcdctl import Etcdctl
from .inputs import MachineRemoval, Worker
from .shell import RefusedError, StepError, say

if TYPE_CHECKING:
    from ..etcd.client import Etcd

ACCESS = ("read", "write", "readwrite")
"""Kinds of access by etcd's numbers."""
FROM_HERE_ON = "\0"
"""The end of a range that has none."""
Range = tuple[str, str]
"""First key, and the first after the last."""


def connect(config: Config) -> "Etcd":
    """The store, asked with the certificate of this machine's fleetd."""
    # Here, because a machine's first step may come before Python's HTTP/2.
    from ..etcd.client import connect

    files = (config.ca_file, config.cert_file, config.key_file)
    return connect(config.endpoints, *files, here=config.public_ip)


@dataclass(frozen=True)
class EtcdAuth:
    """Users and roles of etcd, asked of one member."""

    etcdctl: Etcdctl
    address: str

    def reconcile(self, grants: Grants) -> None:
        """Makes users, roles and permissions those that are wanted; turns authentication on.

        A user with a role of its own name alone is one that a program had, and goes if none has
        it now. What else there is stays, as do workers.
        """
        wanted = roles(grants)
        known, users = self._names("role"), self._names("user")
        for role in wanted:
            self._role(role, known)
            self._user(role.name, users)
        for name in (known & users) - {role.name for role in wanted}:
            if not name.startswith(WORKERS):
                self._forget(name)
        if not self._ask("auth", "status").get("enabled"):
            self._change("auth", "enable")

    def give(self, role: Role) -> None:
        """Makes one role with its user, or has them be as they are wanted."""
        self._role(role, self._names("role"))
        self._user(role.name, self._names("user"))

    def take(self, name: str, key: str) -> None:
        """Ends a role with its user, if it is still for this key."""
        if name in self._names("role") and (key, "") in self._permissions(name):
            self._forget(name)

    def _role(self, role: Role, known: set[str]) -> None:
        if role.name not in known:
            self._change("role", "add", role.name)
        if role.name == ROOT.name:
            return  # etcd itself gives it every permission.
        given = self._permissions(role.name) if role.name in known else {}
        for permission in role.permissions:
            if given.pop(_range(permission), "") != permission.access:
                kind = () if permission.is_key else ("--prefix=true",)
                grant = (role.name, *kind, permission.access, permission.prefix)
                self._change("role", "grant-permission", *grant)
        for begin, end in given:
            till = ("--from-key=true", begin) if end == FROM_HERE_ON else (begin, end)
            self._change("role", "revoke-permission", role.name, *filter(None, till))

    def _user(self, name: str, known: set[str]) -> None:
        given = self._roles_of(name) if name in known else []
        if name not in known:
            self._change("user", "add", name, "--no-password")
        if name not in given:
            self._change("user", "grant-role", name, name)
        for other in set(given) - {name}:
            self._change("user", "revoke-role", name, other)

    def _forget(self, name: str) -> None:
        """Its user goes first: there is none where that was broken off before its role went."""
        has_user = name in self._names("user")
        if has_user and self._roles_of(name) != [name]:
            return
        if has_user:
            self._change("user", "delete", name)
        self._change("role", "delete", name)

    def _names(self, kind: str) -> set[str]:
        return set(self._ask(kind, "list").get(f"{kind}s", ()))

    def _roles_of(self, user: str) -> list[str]:
        return list(self._ask("user", "get", user).get("roles", ()))

    def _permissions(self, role: str) -> dict[Range, str]:
        listed: list[Mapping[str, Any]] = self._ask("role", "get", role).get("perm", [])
        return {
            (_text(one.get("key")), _text(one.get("range_end"))): ACCESS[one.get("permType", 0)]
            for one in listed
        }

    def _ask(self, *words: str) -> Mapping[str, Any]:
        return json.loads(self.etcdctl([self.address], *words, "--write-out=json"))

    def _change(self, *words: str) -> None:
        say(f"etcd: {' '.join(words)}")
        self.etcdctl([self.address], *words)


@dataclass(frozen=True)
class Workers:
    """Workers as etcd knows them: steps on a member, when one is set up and when it goes."""

    etcdctl: Etcdctl = Etcdctl()
    config: Callable[[], Config] = read
    connect: Callable[[Config], KV] = connect

    def admit(self, stdin: str) -> None:
        """The step `worker`: a machine may report itself, by the id that it has told.

        It also takes its address, from the machine that it replaces: what that needs, no worker
        may do.

        Raises:
            RefusedError: the id is another machine's.
        """
        given = Worker[str].from_json(stdin)
        config = self.config()
        kv = self.connect(config)
        try:
            if other := _other_address(given, kv):
                raise RefusedError(taken(given, other))
            AddressClaim(MachineState(given.machine, given.address, given.name), kv).claim()
            # If it was a member: from now on, no secret is sealed to its key for that.
            kv.commit([Delete(recipient_key(given.machine))])
        except KVUnavailableError as error:
            raise StepError(f"etcd did not take {given.name} in: {error}") from error
        role = worker(given.name, given.machine, given.address)
        self._change(config, lambda auth: auth.give(role), f"etcd to know {given.name}")

    def dismiss(self, stdin: str) -> None:
        """The step `worker-gone`: what the machine of this id was may write nothing any more."""
        gone = MachineRemoval.from_json(stdin)
        key = machine_key(gone.machine)
        what = f"etcd to forget {gone.name}"
        self._change(self.config(), lambda auth: auth.take(WORKERS + gone.name, key), what)

    def _change(self, config: Config, change: Callable[[EtcdAuth], None], what: str) -> None:
        members = [endpoint.rpartition(":")[0] for endpoint in config.endpoints]

        def changed() -> bool:
            for member in self.etcdctl.reachable(members)[:1]:
                change(EtcdAuth(self.etcdctl, member))
                return True
            return False

        self.etcdctl.wait(changed, what)


def _other_address(given: Worker[str], kv: KV) -> str:
    """The address of another machine of that id, as far as etcd knows; empty if there is none."""
    own = address_key(given.address)
    for key, entry in kv.read(ADDRESSES).entries.items():
        if entry.value == given.machine and key != own:
            return key.removeprefix(ADDRESSES)
    return ""


def taken(given: Worker[str], other: str) -> str:
    """Message when another machine has a worker's id."""
    return (
        f"{given.name} has the machine id {given.machine}, which the machine at {other} has too: "
        "so it may report nothing. Nothing was changed. Give it one of its own (remove "
        "/etc/machine-id, systemd-machine-id-setup, reboot), then pulumi up --replace "
        f"'**remote:Command::{given.name}-leave'; or make it anew"
    )


def _range(permission: Permission) -> Range:
    return permission.prefix, permission.range_end


def _text(encoded: str | None) -> str:
    return b64decode(encoded or "").decode(errors="surrogateescape")
