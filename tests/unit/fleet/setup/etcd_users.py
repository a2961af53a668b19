"""Users and roles of etcd as `etcdctl` shows and changes them."""

import json
from base64 import b64encode
from dataclasses import dataclass, field

from fleet_cluster.fleet.etcd_roles import Grants, Permission, roles
from fleet_cluster.fleet.setup.etcd_auth import ACCESS

GRANTS: Grants = {"nginx": {"read": ["/fleet/internal/fleet/sinatra*", "/app/nginx*"]}}
EVERYTHING = {("", "\0"): "readwrite"}


@dataclass
class EtcdUsers:
    """Roles with their permissions by range, and users with their roles."""

    enabled: bool = False
    roles: dict[str, dict[tuple[str, str], str]] = field(
        default_factory=dict[str, dict[tuple[str, str], str]]
    )
    users: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @classmethod
    def with_grants(cls, grants: Grants) -> "EtcdUsers":
        """As a cluster is that was set up with these."""
        given = {
            role.name: {(one.prefix, one.range_end): str(one.access) for one in role.permissions}
            for role in roles(grants)
        }
        given["root"] = dict(EVERYTHING)
        return cls(True, given, {name: [name] for name in given})

    def ask(self, words: list[str]) -> str | None:
        """The answer to a question; None if it is none."""
        match words:
            case ["auth", "status", _]:
                return json.dumps({"enabled": self.enabled})
            case ["role", "list", _]:
                return json.dumps({"roles": list(self.roles)} if self.roles else {})
            case ["user", "list", _]:
                return json.dumps({"users": list(self.users)} if self.users else {})
            case ["user", "get", name, _]:
                return json.dumps({"roles": self.users[name]} if self.users[name] else {})
            case ["role", "get", name, _]:
                listed = [_listed(*one) for one in self.roles[name].items()]
                return json.dumps({"perm": listed} if listed else {})
            case _:
                return None

    def change(self, words: list[str]) -> None:
        """What a command does."""
        match words:
            case ["auth", "enable"]:
                assert self.users["root"] == ["root"], "etcd refuses it otherwise"
                self.enabled = True
            case ["role", "add", name]:
                assert name not in self.roles
                self.roles[name] = dict(EVERYTHING) if name == "root" else {}
            case ["role", "grant-permission", name, "--prefix=true", access, prefix]:
                assert access in ACCESS
                self.roles[name][prefix, Permission("read", prefix).range_end] = access
            case ["role", "grant-permission", name, access, key]:
                assert access in ACCESS
                self.roles[name][key, ""] = access
            case ["role", "revoke-permission", name, "--from-key=true", key]:
                del self.roles[name][key, "\0"]
            case ["role", "revoke-permission", name, key, *end]:
                del self.roles[name][key, "".join(end)]
            case ["role", "delete", name]:
                del self.roles[name]
            case ["user", "add", name, "--no-password"]:
                assert name not in self.users
                self.users[name] = []
            case ["user", "grant-role", name, role]:
                self.users[name].append(role)
            case ["user", "revoke-role", name, role]:
                self.users[name].remove(role)
            case ["user", "delete", name]:
                del self.users[name]
            case _:
                raise AssertionError(words)


def _listed(range: tuple[str, str], access: str) -> dict[str, object]:
    """As etcd's JSON has it: without what is zero or empty."""
    texts = {"key": range[0], "range_end": range[1]}
    shown: dict[str, object] = {
        name: b64encode(text.encode()).decode() for name, text in texts.items() if text
    }
    number = ACCESS.index(access)
    return {**shown, "permType": number} if number else shown
