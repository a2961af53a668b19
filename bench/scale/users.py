"""Users of etcd for hundreds of workers, as the product's set-up makes them one by one.

Over gRPC, where `etcdctl` would be started thousands of times.
"""

from collections.abc import Iterable, Iterator

import grpc

from fleet_cluster.fleet.etcd_roles import Permission, Role

KINDS = {"read": 0, "readwrite": 2}
"""Kinds of access by etcd's numbers."""
LIMIT_SECONDS = 10.0


def give(channel: grpc.Channel, roles: Iterable[Role]) -> None:
    """Make these roles, with a user each, before authentication is on."""
    for role in roles:
        for method, request in _requests(role):
            channel.unary_unary(f"/etcdserverpb.Auth/{method}")(request, timeout=LIMIT_SECONDS)


def _requests(role: Role) -> Iterator[tuple[str, bytes]]:
    """Method and request by request, in the encoding of protocol buffers."""
    name = _field(1, role.name.encode())
    yield "RoleAdd", name
    for permission in role.permissions:
        yield "RoleGrantPermission", name + _field(2, _permission(permission))
    without_password = _field(3, bytes((1 << 3, 1)))
    yield "UserAdd", name + without_password
    yield "UserGrantRole", name + _field(2, role.name.encode())


def _permission(one: Permission) -> bytes:
    kind = bytes((1 << 3, KINDS[one.access]))
    return kind + _field(2, one.prefix.encode()) + _field(3, one.range_end.encode())


def _field(number: int, content: bytes) -> bytes:
    assert len(content) < 128, "a length of one byte"
    return bytes((number << 3 | 2, len(content))) + content
