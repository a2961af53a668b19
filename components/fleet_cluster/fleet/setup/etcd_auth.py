"""Authentication of etcd: a certificate's common name is its user, and each has one role."""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..etcd_roles import ROOT, Grants, Permission, Role, roles
from .etcdctl import Etcdctl
from .shell import say

ACCESS = ("read", "write", "readwrite")
"""Kinds of access by etcd's numbers."""
FROM_HERE_ON = "\0"
"""The end of a range that has none."""
Range = tuple[str, str]
"""First key, and the first after the last."""


@dataclass(frozen=True)
class EtcdAuth:
    """Users and roles of etcd, asked of one member."""

    etcdctl: Etcdctl
    address: str

    def reconcile(self, grants: Grants) -> None:
        """Makes users, roles and permissions those that are wanted; turns authentication on.

        A user with a role of its own name alone is one that a program had, and goes if none has
        it now. What else there is stays.
        """
        wanted = roles(grants)
        known, users = self._names("role"), self._names("user")
        for role in wanted:
            self._role(role, known)
            self._user(role.name, users)
        for name in (known & users) - {role.name for role in wanted}:
            self._forget(name)
        if not self._ask("auth", "status").get("enabled"):
            self._change("auth", "enable")

    def _role(self, role: Role, known: set[str]) -> None:
        if role.name not in known:
            self._change("role", "add", role.name)
        if role.name == ROOT.name:
            return  # etcd itself gives it every permission.
        given = self._permissions(role.name) if role.name in known else {}
        for permission in role.permissions:
            if given.pop(_range(permission), "") != permission.access:
                grant = (role.name, "--prefix=true", permission.access, permission.prefix)
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
        if self._roles_of(name) == [name]:
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


def _range(permission: Permission) -> Range:
    return permission.prefix, permission.range_end


def _text(encoded: str | None) -> str:
    return b64decode(encoded or "").decode(errors="surrogateescape")
