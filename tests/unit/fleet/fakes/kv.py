"""etcd in memory: keys, revisions, leases and watches with the semantics of the real ones."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import wraps
from threading import RLock
from typing import Concatenate, ParamSpec, TypeVar

from fleet_cluster.fleet.kv import (
    MAX_OPERATIONS,
    SAME_LEASE,
    Changes,
    Condition,
    CreatedAt,
    KeyValue,
    KVRefusedError,
    LeaseLostError,
    Operation,
    Put,
    Snapshot,
)

Given = ParamSpec("Given")
T = TypeVar("T")
Of = TypeVar("Of", bound="MemoryKV")


def alone(
    method: Callable[Concatenate[Of, Given], T],
) -> Callable[Concatenate[Of, Given], T]:
    """A method of a store while which no other thread changes it, nor looks at half a change."""

    @wraps(method)
    def locked(self: Of, *given: Given.args, **more: Given.kwargs) -> T:
        with self.lock:
            return method(self, *given, **more)

    return locked


@dataclass
class Watch:
    prefix: str
    on_changes: Callable[[Changes], None]
    on_lost: Callable[[], None]
    position: int
    """Of the next change to deliver, in etcd's history."""
    active: bool = True

    def cancel(self) -> None:
        self.active = False

    def lose(self) -> None:
        if self.active:
            self.active = False
            self.on_lost()


@dataclass
class _Lease:
    ttl: int
    expires: float


class MemoryKV:
    """A `KV`: etcd in memory. Leases end with the clock, in `tick`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.entries: dict[str, KeyValue] = {}
        self.revision = 1
        self.leases: dict[int, _Lease] = {}
        self.on_commit: Callable[[Changes], None] = lambda _changes: None
        self.full = False
        """Whether it has no room (alarm NOSPACE): deletes and the leases that there are work."""
        self.lock = RLock()
        """Held by who changes it or looks at it; those who watch are told by the same thread."""
        self._clock = clock
        self._last_lease = 0
        self._history: list[Changes] = []
        self._compacted = 0
        """The history begins after this revision."""
        self._watches: list[Watch] = []

    @alone
    def read(self, prefix: str) -> Snapshot:
        found = {key: entry for key, entry in self.entries.items() if key.startswith(prefix)}
        return Snapshot(self.revision, found)

    @alone
    def get(self, keys: Collection[str]) -> Snapshot:
        return Snapshot(self.revision, {k: self.entries[k] for k in keys if k in self.entries})

    @alone
    def commit(self, operations: Sequence[Operation], *conditions: Condition) -> int:
        assert 0 < len(operations) <= MAX_OPERATIONS
        assert len(conditions) <= MAX_OPERATIONS
        assert len({operation.key for operation in operations}) == len(operations)
        if any(isinstance(operation, Put) for operation in operations):
            self._check_room()
        if not all(self._holds(condition) for condition in conditions):
            return 0
        for operation in operations:
            if isinstance(operation, Put) and operation.lease not in {0, SAME_LEASE, *self.leases}:
                raise LeaseLostError("requested lease not found")
        return self._apply(operations)

    @alone
    def watch(
        self,
        prefix: str,
        after: int,
        on_changes: Callable[[Changes], None],
        on_lost: Callable[[], None],
    ) -> Watch:
        seen = sum(changes.revision <= after for changes in self._history)
        watching = Watch(prefix, on_changes, on_lost, seen)
        if after < self._compacted:
            watching.lose()
        self._deliver(watching)
        self._watches = [*(each for each in self._watches if each.active), watching]
        return watching

    @alone
    def grant(self, ttl: int) -> int:
        self._check_room()
        self._last_lease += 1
        self.leases[self._last_lease] = _Lease(ttl, self._clock() + ttl)
        return self._last_lease

    @alone
    def keep_alive(self, lease: int) -> int:
        if lease not in self.leases:
            raise LeaseLostError("it has expired")
        self.leases[lease].expires = self._clock() + self.leases[lease].ttl
        return self.leases[lease].ttl

    @alone
    def lease_age(self, lease: int) -> int:
        if lease not in self.leases:
            raise LeaseLostError("it has expired")
        left = int(self.leases[lease].expires - self._clock())
        return max(self.leases[lease].ttl - left, 0)

    @alone
    def revoke(self, lease: int) -> None:
        if self.leases.pop(lease, None):
            self._delete([key for key, entry in self.entries.items() if entry.lease == lease])

    def _check_room(self) -> None:
        if self.full:
            raise KVRefusedError("mvcc: database space exceeded")

    @alone
    def tick(self) -> list[int]:
        """End the leases whose time is over; returns them."""
        over = [id for id, lease in self.leases.items() if lease.expires <= self._clock()]
        for lease in over:
            self.revoke(lease)
        return over

    def extend_leases(self) -> None:
        """What a new leader of etcd does: each lease has its full time again."""
        for lease in self.leases.values():
            lease.expires = self._clock() + lease.ttl

    @alone
    def lose_watches(self) -> None:
        """End all watches, as a member does that stops."""
        for watching in self._watches:
            watching.lose()
        self._watches.clear()

    def wipe(self) -> None:
        """A new, empty cluster in the place of this one."""
        self.restore(Snapshot(1, {}))

    @alone
    def restore(self, snapshot: Snapshot) -> None:
        """An older state in the place of this one; leases are gone."""
        self.entries = {key: entry for key, entry in snapshot.entries.items() if not entry.lease}
        self.revision = self._compacted = snapshot.revision
        self.leases.clear()
        self._history.clear()
        self.lose_watches()

    def put(self, key: str, value: str) -> None:
        """Write one key without conditions, as an operator does."""
        self.commit([Put(key, value)])

    @alone
    def remove(self, *keys: str) -> None:
        """Delete keys without conditions, as an operator does."""
        self._delete(list(keys))

    def value(self, key: str) -> str | None:
        """The value of a key."""
        return self.entries[key].value if key in self.entries else None

    def _holds(self, condition: Condition) -> bool:
        entry = self.entries.get(condition.key)
        if isinstance(condition, CreatedAt):
            return entry is not None and entry.create_revision == condition.create_revision
        return (entry.mod_revision if entry else 0) == condition.mod_revision

    def _apply(self, operations: Sequence[Operation]) -> int:
        """The revision of the change; those who watch may have made others by then."""
        self.on_commit(self._changes(operations))  # It may make a change of its own first.
        changes = self._changes(operations)
        self._publish(changes)
        return changes.revision

    def _changes(self, operations: Sequence[Operation]) -> Changes:
        revision = self.revision + 1
        puts: dict[str, KeyValue] = {}
        deletes: set[str] = set()
        for operation in operations:
            key, old = operation.key, self.entries.get(operation.key)
            if isinstance(operation, Put):
                created, lease = old.create_revision if old else revision, operation.lease
                if lease == SAME_LEASE:
                    assert old, "etcd refuses it otherwise"
                    lease = old.lease
                puts[key] = KeyValue(key, operation.value, created, revision, lease)
            elif old:
                deletes.add(key)
        return Changes(revision, puts, frozenset(deletes))

    def _delete(self, keys: Collection[str]) -> None:
        present = frozenset(key for key in keys if key in self.entries)
        if present:
            self.on_commit(Changes(self.revision + 1, {}, present))
            self._publish(Changes(self.revision + 1, {}, present))

    def _publish(self, changes: Changes) -> None:
        self.revision = changes.revision
        self.entries.update(changes.puts)
        for key in changes.deletes:
            del self.entries[key]
        self._history.append(changes)
        for watching in list(self._watches):
            self._deliver(watching)

    def _deliver(self, watching: Watch) -> None:
        """In order, also when another watch made a change while it was told of the one before."""
        while watching.active and watching.position < len(self._history):
            watching.position += 1
            _deliver(watching, self._history[watching.position - 1])


def _deliver(watching: Watch, changes: Changes) -> None:
    puts = {key: e for key, e in changes.puts.items() if key.startswith(watching.prefix)}
    deletes = frozenset(key for key in changes.deletes if key.startswith(watching.prefix))
    if watching.active and (puts or deletes):
        watching.on_changes(Changes(changes.revision, puts, deletes))
