"""The store over gRPC: requests go to one member until it fails, then to the next."""

import random
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from ..backoff import Backoff
from ..kv import (
    Changes,
    Condition,
    KeyValue,
    KVUnavailableError,
    LeaseLostError,
    Operation,
    Snapshot,
    batches,
)
from . import messages
from .hedge import Hedge
from .member import Certificates, Member, credentials
from .messages import LeaseResponse, RangeResponse, TxnResponse, key_bytes, prefix_end
from .refusals import check_refusal, is_passing, unavailable
from .rpc_error import RpcError
from .watch import EtcdWatch, WatchStream

T = TypeVar("T")

TRY_SECONDS = 1.0
"""How long one member has for a request, at first; each round over all members gives more."""

ROUND_SECONDS = 0.1
"""The pause before asking all members again, at first."""

MOST_ROUND_SECONDS = 1.0
"""The longest such pause."""

LIMIT_SECONDS = 6.0
"""How long a request may take over all its tries."""

COMMIT_SECONDS = 2.0
"""How long a commit may take; it is never tried twice, because it may have happened."""

PAGE = 1000
"""How many keys one request reads, so that each stays well within its time."""


def connect(
    endpoints: Sequence[str],
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
    limit: float = LIMIT_SECONDS,
    here: str = "",
) -> "Etcd":
    """A store over these members ("address:port"); with the three files, over mutual TLS.

    Does not wait for a connection. `limit`: seconds that a request may take over all its tries.
    `here`: this machine's address; its own member is asked first, which lives as long as it does.

    Raises:
        OSError: a file cannot be read.
    """
    secured_by = None
    if ca_file and cert_file and key_file:
        secured_by = credentials(Certificates(ca_file, cert_file, key_file))
    # Machines without a member spread over all of them.
    others = random.sample(endpoints, len(endpoints))
    nearest_first = sorted(others, key=lambda endpoint: endpoint.rpartition(":")[0] != here)
    return Etcd([Member(endpoint, secured_by) for endpoint in nearest_first], limit)


class Etcd:
    """A `store.Store`. Its methods may be called from any thread."""

    def __init__(self, members: Sequence[Member], limit: float = LIMIT_SECONDS) -> None:
        """Starts with the first member."""
        self._limit = limit
        self._members = list(members)
        self._lock = threading.Lock()
        self._stream: WatchStream | None = None
        self._proven: Member | None = None

    def renew(self, certificates: Certificates) -> None:
        """Go on with other certificates: by new connections, and watches are lost.

        What is under way goes on by the old connections.

        Raises:
            OSError: a file cannot be read.
        """
        secured_by = credentials(certificates)
        with self._lock:
            old, stream = self._members, self._stream
            self._members = [Member(one.endpoint, secured_by) for one in old]
            self._proven = None
        if stream:
            self._forget(stream)
            stream.end()
        for member in old:
            member.close()

    def read(self, prefix: str) -> Snapshot:
        """See `KV.read`. Reads in pages at one revision."""
        first, end, revision = key_bytes(prefix), prefix_end(prefix), 0
        entries: dict[str, KeyValue] = {}
        while True:
            request = messages.range_request(first, end, PAGE, revision)
            page = self._call("KV/Range", request, RangeResponse.decode)
            entries.update((entry.key, entry) for entry in page.entries)
            revision = revision or page.revision
            if not page.more:
                return Snapshot(revision, entries)
            first = key_bytes(page.entries[-1].key) + b"\0"

    def get(self, keys: Collection[str]) -> Snapshot:
        """See `KV.get`."""
        revision = 0
        entries: dict[str, KeyValue] = {}
        for batch in batches(sorted(keys)):
            reply = self._call("KV/Txn", messages.get_request(batch), TxnResponse.decode)
            revision = revision or reply.revision
            entries.update((entry.key, entry) for entry in reply.entries)
        return Snapshot(revision, entries)

    def commit(self, operations: Sequence[Operation], *conditions: Condition) -> int:
        """See `KV.commit`."""
        request = messages.txn_request(conditions, operations)
        self._prove(operations[0].key)
        reply = self._call("KV/Txn", request, TxnResponse.decode, repeat=False)
        return reply.revision if reply.succeeded else 0

    def watch(
        self,
        prefix: str,
        after: int,
        on_changes: Callable[[Changes], None],
        on_lost: Callable[[], None],
    ) -> EtcdWatch:
        """See `KV.watch`."""
        while True:
            with self._lock:
                if self._stream is None:
                    self._stream = WatchStream(self._members[0])
                stream = self._stream
            watch = stream.open(prefix, after, on_changes, on_lost)
            if watch:
                return watch
            self._forget(stream)

    def grant(self, ttl: int) -> int:
        """See `KV.grant`."""
        request = messages.grant_request(ttl)
        return self._call("Lease/LeaseGrant", request, LeaseResponse.decode).id

    def keep_alive(self, lease: int) -> int:
        """See `KV.keep_alive`."""
        with self._lock:
            members = list(self._members)
        hedge = Hedge[LeaseResponse](members, self._limit, self._leave)
        # A stream to etcd, which ends it when the request was the only one.
        request = messages.lease_request(lease)
        renewed = hedge.ask("Lease/LeaseKeepAlive", request, LeaseResponse.decode)
        return _alive(lease, renewed).ttl

    def lease_age(self, lease: int) -> int:
        """See `KV.lease_age`."""
        request = messages.lease_request(lease)
        told = _alive(lease, self._call("Lease/LeaseTimeToLive", request, LeaseResponse.decode))
        # A new leader of etcd gives each lease some more than its full time.
        return max(told.granted_ttl - told.ttl, 0)

    def revoke(self, lease: int) -> None:
        """See `KV.revoke`."""
        try:
            self._call("Lease/LeaseRevoke", messages.lease_request(lease), LeaseResponse.decode)
        except LeaseLostError:
            return

    def close(self) -> None:
        """End all connections; watches end as lost."""
        with self._lock:
            members, stream = self._members, self._stream
        if stream:
            stream.end()
        for member in members:
            member.close()

    def _prove(self, key: str) -> None:
        """Find a member that answers, with a read: a commit is tried once only."""
        if self._proven is not self._members[0]:
            request = messages.range_request(key_bytes(key), keys_only=True)
            self._call("KV/Range", request, RangeResponse.decode)

    def _call(
        self, name: str, request: bytes, decode: Callable[[bytes], T], repeat: bool = True
    ) -> T:
        end = time.monotonic() + self._limit
        tries = 0
        backoff = Backoff(ROUND_SECONDS, random.random)
        while True:
            member = self._members[0]
            # The first round asks who is there; from then on a member may take time to answer.
            round = tries // len(self._members)
            seconds = TRY_SECONDS * (1 + round) if repeat else COMMIT_SECONDS
            try:
                answer = member.call(name, request, decode, min(seconds, self._limit))
                self._proven = member
                return answer
            except RpcError as error:
                details = check_refusal(error)
                if not is_passing(details):
                    self._leave(member)
                    if not repeat:
                        raise KVUnavailableError(unavailable(member.endpoint, details)) from error
                if time.monotonic() >= end:
                    raise KVUnavailableError(unavailable(member.endpoint, details)) from error
            tries += 1
            if tries % len(self._members) == 0:
                time.sleep(backoff.pause(MOST_ROUND_SECONDS))

    def _leave(self, member: Member) -> None:
        """Go to the next member, and take the watches there too."""
        with self._lock:
            if self._members[0] is member:
                self._members = [*self._members[1:], member]
            self._proven = None
            stream = self._stream
        if stream and stream.member is member:
            self._forget(stream)
            stream.end()

    def _forget(self, stream: WatchStream) -> None:
        with self._lock:
            if self._stream is stream:
                self._stream = None


def _alive(lease: int, told: LeaseResponse) -> LeaseResponse:
    if told.ttl <= 0:
        raise LeaseLostError(f"lease {lease:x} has expired or was revoked")
    return told
