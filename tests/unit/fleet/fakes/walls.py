"""etcd's walls: what a user may not do is refused, as the real etcd refuses it."""

from collections.abc import Callable, Collection, Sequence

from fleet_cluster.fleet.etcd_roles import Permission, Role
from fleet_cluster.fleet.kv import (
    SAME_LEASE,
    Changes,
    Condition,
    KVForbiddenError,
    Operation,
    Put,
    Snapshot,
)
from tests.unit.fleet.fakes.kv import MemoryKV, Watch


class Walls(MemoryKV):
    """A `KV` for one user, by its role; a lease is for those who may write all keys on it."""

    def __init__(self, store: MemoryKV, role: Role) -> None:
        """`store` is everybody's."""
        self.role = role
        self.refused: list[str] = []
        """What was asked for in vain."""
        self._store = store

    def read(self, prefix: str) -> Snapshot:
        self._check("read", prefix, is_range=True)
        return self._store.read(prefix)

    def get(self, keys: Collection[str]) -> Snapshot:
        for key in keys:
            self._check("read", key)
        return self._store.get(keys)

    def commit(self, operations: Sequence[Operation], *conditions: Condition) -> int:
        for condition in conditions:
            self._check("read", condition.key)
        for operation in operations:
            self._check("readwrite", operation.key)
            if isinstance(operation, Put) and operation.lease != SAME_LEASE:
                self._check_lease(operation.lease)
        return self._store.commit(operations, *conditions)

    def watch(
        self,
        prefix: str,
        after: int,
        on_changes: Callable[[Changes], None],
        on_lost: Callable[[], None],
    ) -> Watch:
        self._check("read", prefix, is_range=True)
        return self._store.watch(prefix, after, on_changes, on_lost)

    def grant(self, ttl: int) -> int:
        return self._store.grant(ttl)

    def keep_alive(self, lease: int) -> int:
        self._check_lease(lease)
        return self._store.keep_alive(lease)

    def lease_age(self, lease: int) -> int:
        for key, entry in self._store.entries.items():
            if lease and entry.lease == lease:
                self._check("read", key)
        return self._store.lease_age(lease)

    def revoke(self, lease: int) -> None:
        self._check_lease(lease)
        self._store.revoke(lease)

    def _check_lease(self, lease: int) -> None:
        for key, entry in self._store.entries.items():
            if lease and entry.lease == lease:
                self._check("readwrite", key)

    def _check(self, access: str, key: str, is_range: bool = False) -> None:
        if not any(_allows(one, access, key, is_range) for one in self.role.permissions):
            self.refused.append(f"{access} {key}")
            raise KVForbiddenError(f"etcd does not allow it: permission denied: {access} {key}")


def _allows(permission: Permission, access: str, key: str, is_range: bool) -> bool:
    if access != "read" and permission.access != "readwrite":
        return False
    if permission.is_key:
        return key == permission.prefix and not is_range
    return key.startswith(permission.prefix)
