"""Messages of etcd's v3 API that fleet uses: requests encoded, responses decoded. Pure.

Fields have the numbers of etcd's own rpc.proto; those that fleet does not use are left out.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ..kv import SAME_LEASE, Condition, CreatedAt, KeyValue, Operation, Put
from .wire import Fields, data, decode, message, number

_CREATE, _MOD = 1, 2
"""What a condition compares."""


def key_bytes(key: str) -> bytes:
    """A key as etcd has it."""
    return key.encode(errors="surrogateescape")


def prefix_end(prefix: str) -> bytes:
    """The first key after all keys that begin with `prefix`."""
    key = key_bytes(prefix)
    return key[:-1] + bytes([key[-1] + 1])


def range_request(
    key: bytes, end: bytes = b"", limit: int = 0, revision: int = 0, keys_only: bool = False
) -> bytes:
    """Read a key, or those from it to before `end`."""
    how = number(3, limit) + number(4, revision) + number(8, keys_only)
    return data(1, key) + data(2, end) + how


def get_request(keys: Iterable[str]) -> bytes:
    """Read these keys, in a transaction."""
    return b"".join(message(2, message(1, range_request(key_bytes(key)))) for key in keys)


def txn_request(conditions: Iterable[Condition], operations: Iterable[Operation]) -> bytes:
    """A transaction that writes."""
    compares = b"".join(message(1, _compare(condition)) for condition in conditions)
    return compares + b"".join(message(2, _operation(operation)) for operation in operations)


def grant_request(ttl: int) -> bytes:
    """A new lease."""
    return number(1, ttl)


def lease_request(id: int) -> bytes:
    """Something about a lease: to renew it, revoke it, or tell how old it is."""
    return number(1, id)


def watch_request(id: int, prefix: str, start_revision: int) -> bytes:
    """A new watch of the keys that begin with `prefix`."""
    range = data(1, key_bytes(prefix)) + data(2, prefix_end(prefix))
    return message(1, range + number(3, start_revision) + number(7, id))


def cancel_request(id: int) -> bytes:
    """No watch of this id any more."""
    return message(2, number(1, id))


def progress_request() -> bytes:
    """How far the watches are."""
    return message(3, b"")


class RangeResponse(NamedTuple):
    """What was read."""

    revision: int
    entries: list[KeyValue]
    more: bool
    """Whether there are more keys than were asked for at once."""

    @classmethod
    def decode(cls, content: bytes) -> "RangeResponse":
        """Read a message."""
        fields = decode(content)
        return cls(_revision(fields), list(map(key_value, fields.all(2))), bool(fields.number(3)))


class TxnResponse(NamedTuple):
    """What came of a transaction."""

    revision: int
    succeeded: bool
    entries: list[KeyValue]
    """What it has read."""

    @classmethod
    def decode(cls, content: bytes) -> "TxnResponse":
        """Read a message."""
        fields = decode(content)
        ranges = [RangeResponse.decode(decode(one).only(1)) for one in fields.all(3)]
        entries = [entry for one in ranges for entry in one.entries]
        return cls(_revision(fields), bool(fields.number(2)), entries)


class LeaseResponse(NamedTuple):
    """What is known of a lease."""

    id: int
    ttl: int
    """Seconds that it lives still; none where there is no such lease."""
    granted_ttl: int

    @classmethod
    def decode(cls, content: bytes) -> "LeaseResponse":
        """Read a message."""
        fields = decode(content)
        return cls(fields.number(2), fields.number(3), fields.number(4))


class Event(NamedTuple):
    """A change of a key."""

    is_delete: bool
    entry: KeyValue

    @classmethod
    def decode(cls, content: bytes) -> "Event":
        """Read a message."""
        fields = decode(content)
        return cls(fields.number(1) == 1, key_value(fields.only(2)))


class WatchResponse(NamedTuple):
    """What a watch tells."""

    watch_id: int
    created: bool
    canceled: bool
    events: list[Event]

    @classmethod
    def decode(cls, content: bytes) -> "WatchResponse":
        """Read a message."""
        fields = decode(content)
        told = bool(fields.number(3)), bool(fields.number(4))
        return cls(fields.number(2), *told, list(map(Event.decode, fields.all(11))))


def key_value(content: bytes) -> KeyValue:
    """A key and value of etcd as the store's entry. What is no text is found to be no record.

    A key that is no text stays the key that it is: a condition on another would never hold.
    """
    fields = decode(content)
    return KeyValue(
        key=fields.only(1).decode(errors="surrogateescape"),
        value=fields.only(5).decode(errors="replace"),
        create_revision=fields.number(2),
        mod_revision=fields.number(3),
        lease=fields.number(6),
    )


def _revision(fields: Fields) -> int:
    return decode(fields.only(1)).number(3)


def _compare(condition: Condition) -> bytes:
    key = data(3, key_bytes(condition.key))
    if isinstance(condition, CreatedAt):
        return number(2, _CREATE) + key + number(5, condition.create_revision, is_choice=True)
    return number(2, _MOD) + key + number(6, condition.mod_revision, is_choice=True)


def _operation(operation: Operation) -> bytes:
    key = data(1, key_bytes(operation.key))
    if not isinstance(operation, Put):
        return message(3, key)
    is_same = operation.lease == SAME_LEASE
    lease = number(6, True) if is_same else number(3, operation.lease)
    return message(2, key + data(2, operation.value.encode()) + lease)
