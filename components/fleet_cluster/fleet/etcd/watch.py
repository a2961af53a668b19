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
from . import messages
from .connection import Connection
from .member import Member, decoded
from .messages import Event, WatchResponse
from .rpc_error import RpcError

LIVENESS_SECONDS = 2.0
"""A silent stream is asked for its progress this often; no answer until the next time: lost.

A member has as long to accept the stream, and what is sent."""


def to_changes(events: Sequence[Event]) -> Changes:
    """Events, one at least, as the store's changes; of several for one key, the last."""
    puts: dict[str, KeyValue] = {}
    deletes: set[str] = set()
    for event in events:
        entry = event.entry
        if event.is_delete:
            puts.pop(entry.key, None)
            deletes.add(entry.key)
        else:
            deletes.discard(entry.key)
            puts[entry.key] = entry
    return Changes(events[-1].entry.mod_revision, puts, frozenset(deletes))


def _is_refusal(response: WatchResponse) -> bool:
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

    def deliver(self, events: Sequence[Event]) -> None:
        """Pass on what is newer than what is known."""
        newer = [event for event in events if event.entry.mod_revision > self.after]
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
        self._outbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
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
            # From a revision that is still to come, etcd from 3.5 on tells no progress until then;
            # and 0 would mean from now on.
            self._post(messages.watch_request(watch.id, prefix, max(after, 1)))
        return watch

    def cancel(self, id: int) -> None:
        """End one watch."""
        with self._lock:
            if self._watches.pop(id, None):
                self._post(messages.cancel_request(id))

    def end(self) -> None:
        """End the stream; its watches are lost."""
        with self._lock:
            self._is_ending = True
            self._wake()

    def _post(self, request: bytes) -> None:
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
                    _send(call, messages.progress_request())
                    is_unanswered = True
                asks_at = monotonic() + LIVENESS_SECONDS

    def _send_posted(self, call: Connection) -> None:
        while not self._outbox.empty():
            _send(call, self._outbox.get())

    def _receive(self, call: Connection) -> bool:
        """Deliver what has come: whether it was anything."""
        responses = call.received()
        for response in responses:
            self._deliver(decoded(WatchResponse.decode, response))
        return bool(responses)

    def _deliver(self, response: WatchResponse) -> None:
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


def _send(call: Connection, request: bytes) -> None:
    call.send(request, monotonic() + LIVENESS_SECONDS)
