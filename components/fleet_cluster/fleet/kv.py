"""The kv interface of the store: etcd v3 stands behind it; in tests and simulation, memory."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

T = TypeVar("T")

MAX_OPERATIONS = 127
"""The most operations in one `commit`; etcd refuses transactions of more than 128."""

MAX_VALUE_BYTES = 1_000_000
"""The largest value; etcd refuses requests of more than 1.5 MiB, keys and conditions included."""
MAX_COMMIT_BYTES = 1_400_000
"""How large the values of one `commit` may be together."""
SAME_LEASE = -1
"""In a `Put`, the lease that the key is on already, whosever other keys that has."""


def batches(items: Iterable[T], size: int = MAX_OPERATIONS) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


class KVUnavailableError(Exception):
    """No member answered in time, or none has a leader. What was asked may have happened."""


class KVRefusedError(KVUnavailableError):
    """A member answered no (permission, size, space): trying again as before does not help."""


class KVForbiddenError(KVRefusedError):
    """Whoever asks may not do that."""


class LeaseLostError(Exception):
    """The lease has expired or was revoked: what was bound to it is gone."""


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One key's value, with the revisions that created it and last changed it."""

    key: str
    value: str
    create_revision: int
    mod_revision: int
    lease: int = 0


@dataclass(frozen=True)
class Snapshot:
    """All entries under a prefix, as they were at one revision of the store."""

    revision: int
    entries: dict[str, KeyValue]


@dataclass(frozen=True)
class Put:
    """Write `value`; with a lease, the key goes when the lease does.

    With `SAME_LEASE` there has to be such a key, by a condition of the same transaction.
    """

    key: str
    value: str
    lease: int = 0


@dataclass(frozen=True)
class Delete:
    """Remove a key; removing one that is not there is no error."""

    key: str


Operation = Put | Delete


@dataclass(frozen=True)
class Unchanged:
    """True while the key's last change is `mod_revision`; 0 means that the key does not exist."""

    key: str
    mod_revision: int


@dataclass(frozen=True)
class CreatedAt:
    """True while the key is the one created at `create_revision`: a leadership that goes on."""

    key: str
    create_revision: int


Condition = Unchanged | CreatedAt


@dataclass(frozen=True)
class Changes:
    """What one or more revisions changed: the entries put, the keys deleted, in that order."""

    revision: int
    puts: dict[str, KeyValue]
    deletes: frozenset[str]


class Watch(Protocol):
    """A running watch."""

    def cancel(self) -> None:
        """Stop it; nothing is delivered afterwards."""
        ...


class KV(Protocol):
    """A consistent key-value store with leases, transactions and watches: etcd v3's model.

    All methods may raise `KVUnavailableError`, after a bounded time.
    """

    def read(self, prefix: str) -> Snapshot:
        """Everything under `prefix`, at one revision, agreed by a majority (linearizable)."""
        ...

    def get(self, keys: Collection[str]) -> Snapshot:
        """Those of `keys` that exist, linearizable, in one request for each `MAX_OPERATIONS`."""
        ...

    def commit(self, operations: Sequence[Operation], *conditions: Condition) -> int:
        """Do all operations at once, if all conditions hold: the new revision, or 0 if not.

        At most `MAX_OPERATIONS` operations and as many conditions, no key twice.

        Raises:
            LeaseLostError: a `Put` names a lease that no longer exists.
        """
        ...

    def watch(
        self,
        prefix: str,
        after: int,
        on_changes: Callable[[Changes], None],
        on_lost: Callable[[], None],
    ) -> Watch:
        """Deliver every change under `prefix` after revision `after`, in order.

        Calls come from a thread of the store's own. `on_lost` is called once, and nothing after
        it, when the watch has ended for any reason but `cancel` (no leader, connection lost,
        history compacted): read again, then watch from there.
        """
        ...

    def grant(self, ttl: int) -> int:
        """A new lease of `ttl` seconds: its id."""
        ...

    def keep_alive(self, lease: int) -> int:
        """Renew the lease for its full time, which is returned in seconds.

        Raises:
            LeaseLostError: it has gone.
        """
        ...

    def lease_age(self, lease: int) -> int:
        """How many seconds ago the lease was renewed, rounded up: of nothing that is watched.

        Raises:
            LeaseLostError: it has gone.
        """
        ...

    def revoke(self, lease: int) -> None:
        """End the lease and remove all that is bound to it; one that has gone is no error."""
        ...
