"""Watches: all that a client has open share one stream to one member."""

import queue
import selectors
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from time import monotonic

from ..kv import Changes, KeyValue
from . import rpc_pb2 as rpc
from .connection import Connection
from .member import Member, decode
from .rpc_error import RpcError

LIVENESS_SECONDS = 2.0
"""A silent stream is asked for its progress this often; no answer until the next time: lost.

A member has as long to accept the stream, and what is sent."""


def to_entry(kv: rpc.KeyValue) -> KeyValue:
    """A key and value of etcd as the store's entry. What is no text is found to be no record.

    A key that is no text stays the key that it is: a condition on another would never hold.
    """
    return KeyValue(
        key=kv.key.decode(errors="surrogateescape"),
        value=kv.value.decode(errors="replace"),
        create_revision=kv.create_revision,
        mod_revision=kv.mod_revision,
        lease=kv.lease,
    )


def key_bytes(key: str) -> bytes:
    """A key as etcd has it."""
    return key.encode(errors="surrogateescape")


def prefix_end(prefix: str) -> bytes:
    """The first key after all keys that begin with `prefix`."""
    key = key_bytes(prefix)
    return key[:-1] + bytes([key[-1] + 1])


def to_changes(events: Sequence[rpc.Event]) -> Changes:
    """Events, one at least, as the store's changes; of several for one key, the last."""
    puts: dict[str, KeyValue] = {}
    deletes: set[str] = set()
    for event in events:
        entry = to_entry(event.kv)
        if event.type == rpc.Event.DELETE:
            puts.pop(entry.key, None)
            deletes.add(entry.key)
        else:
            deletes.discard(entry.key)
            puts[entry.key] = entry
    return Changes(events[-1].kv.mod_revision, puts, frozenset(deletes))


def _is_refusal(response: rpc.WatchResponse) -> bool:
    """Whether a watch was not begun. etcd 3.6 does not tell which one: its id is -1 then."""
    return response.watch_id < 0 and response.created and response.canceled


@dataclass
class EtcdWatch:
    """A watch on a stream; see `store.Watch`."""

    stream: "WatchStream"
    id: int
    after: int
    """The revision that is known already."""
    on_changes: Callable[[Changes], None]
    on_lost: Callable[[], None]

    def deliver(self, events: Sequence[rpc.Event]) -> None:
        """Pass on what is newer than what is known."""
        newer = [event for event in events if event.kv.mod_revision > self.after]
        if newer:
            self.on_changes(to_changes(newer))

    def cancel(self) -> None:
        """Stop it; nothing is delivered afterwards."""
        self.stream.cancel(self.id)


class WatchStream:
    """One stream to one member. When it ends, all its watches are lost together."""

    def __init__(self, member: Member) -> None:
        """Begin it in a thread of its own, the only one that uses its connection."""
        self.member = member
        self._outbox: queue.SimpleQueue[rpc.WatchRequest] = queue.SimpleQueue()
        self._woken, self._waker = socket.socketpair()
        self._lock = threading.Lock()
        self._watches: dict[int, EtcdWatch] = {}
        self._last_id = 0
        self._is_ending = False
        self._ended = False
        threading.Thread(target=self._serve, name="etcd-watch", daemon=True).start()

    def open(
        self,
        prefix: str,
        after: int,
        on_changes: Callable[[Changes], None],
        on_lost: Callable[[], None],
    ) -> EtcdWatch | None:
        """Add a watch; None when the stream has ended already."""
        with self._lock:
            if self._ended:
                return None
            self._last_id += 1
            watch = EtcdWatch(self, self._last_id, after, on_changes, on_lost)
            self._watches[watch.id] = watch
            self._post(rpc.WatchRequest(create_request=_create_request(watch, prefix)))
        return watch

    def cancel(self, id: int) -> None:
        """End one watch."""
        request = rpc.WatchRequest(cancel_request=rpc.WatchCancelRequest(watch_id=id))
        with self._lock:
            if self._watches.pop(id, None):
                self._post(request)

    def end(self) -> None:
        """End the stream; its watches are lost."""
        with self._lock:
            self._is_ending = True
            self._wake()

    def _post(self, request: rpc.WatchRequest) -> None:
        self._outbox.put(request)
        self._wake()

    def _wake(self) -> None:
        if not self._ended:
            self._waker.send(b"\0")

    def _serve(self) -> None:
        try:
            with closing(self.member.watch(LIVENESS_SECONDS)) as call:
                self._converse(call)
        except RpcError:
            pass  # Whatever the reason, every watch is told that it is lost.
        finally:
            self._lose_all()

    def _converse(self, call: Connection) -> None:
        """Send and receive, until the stream ends or the member does not answer."""
        asks_at, is_unanswered = monotonic() + LIVENESS_SECONDS, False
        with selectors.DefaultSelector() as selector:
            selector.register(call, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not (self._is_ending or call.is_over):
                ready = {key.fileobj for key, _ in selector.select(asks_at - monotonic())}
                if call in ready:
                    is_unanswered &= not self._receive(call)
                if self._woken in ready:
                    self._woken.recv(4096)
                    self._send_posted(call)
                elif monotonic() < asks_at:
                    continue
                elif is_unanswered:
                    return
                else:
                    _send(call, rpc.WatchRequest(progress_request=rpc.WatchProgressRequest()))
                    is_unanswered = True
                asks_at = monotonic() + LIVENESS_SECONDS

    def _send_posted(self, call: Connection) -> None:
        while not self._outbox.empty():
            _send(call, self._outbox.get())

    def _receive(self, call: Connection) -> bool:
        """Deliver what has come: whether it was anything."""
        responses = call.received()
        for response in responses:
            self._deliver(decode(rpc.WatchResponse, response))
        return bool(responses)

    def _deliver(self, response: rpc.WatchResponse) -> None:
        with self._lock:
            watch = self._watches.get(response.watch_id)
            if watch and response.canceled:
                del self._watches[watch.id]
        if watch and response.canceled:
            watch.on_lost()
        elif watch:
            watch.deliver(response.events)
        elif _is_refusal(response):
            self._is_ending = True

    def _lose_all(self) -> None:
        with self._lock:
            self._ended = True
            lost = list(self._watches.values())
            self._watches.clear()
            self._woken.close()
            self._waker.close()
        for watch in lost:
            watch.on_lost()


def _create_request(watch: EtcdWatch, prefix: str) -> rpc.WatchCreateRequest:
    return rpc.WatchCreateRequest(
        key=key_bytes(prefix),
        range_end=prefix_end(prefix),
        # From a revision that is still to come, etcd from 3.5 on tells no progress until then;
        # and 0 would mean from now on.
        start_revision=max(watch.after, 1),
        watch_id=watch.id,
    )


def _send(call: Connection, request: rpc.WatchRequest) -> None:
    call.send(request.SerializeToString(), monotonic() + LIVENESS_SECONDS)
