"""Watches: all that a client has open share one stream to one member."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import grpc

from ..kv import Changes, KeyValue
from . import rpc_pb2 as rpc
from .member import Member

LIVENESS_SECONDS = 2.0
"""A silent stream is asked for its progress this often; no answer until the next time: lost."""


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
        self.member = member
        self._outbox: queue.SimpleQueue[rpc.WatchRequest] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._watches: dict[int, EtcdWatch] = {}
        self._last_id = 0
        self._unanswered = False
        self._ended = False
        self._call = member.watch(self._requests())
        threading.Thread(target=self._receive, name="etcd-watch", daemon=True).start()
        # Of a call that failed early, gRPC (1.51) at times tells it here and never to who receives.
        if not self._call.add_callback(self._lose_all):
            self._lose_all()

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
        create = rpc.WatchCreateRequest(
            key=key_bytes(prefix),
            range_end=prefix_end(prefix),
            # From a revision that is still to come, etcd from 3.5 on tells no progress until then;
            # and 0 would mean from now on.
            start_revision=max(after, 1),
            watch_id=watch.id,
        )
        self._outbox.put(rpc.WatchRequest(create_request=create))
        return watch

    def cancel(self, id: int) -> None:
        """End one watch."""
        with self._lock:
            self._watches.pop(id, None)
        request = rpc.WatchRequest(cancel_request=rpc.WatchCancelRequest(watch_id=id))
        self._outbox.put(request)

    def end(self) -> None:
        """End the stream; its watches are lost."""
        self._call.cancel()

    def _requests(self) -> Iterator[rpc.WatchRequest]:
        """What goes to the member; runs in a thread of the channel's."""
        while not self._ended:
            try:
                yield self._outbox.get(timeout=LIVENESS_SECONDS)
            except queue.Empty:
                if self._unanswered:
                    self.end()
                    return
                self._unanswered = True
                yield rpc.WatchRequest(progress_request=rpc.WatchProgressRequest())

    def _receive(self) -> None:
        try:
            for response in self._call:
                self._unanswered = False
                self._deliver(response)
        except grpc.RpcError:
            pass  # Whatever the reason, every watch is told that it is lost.
        finally:
            self._lose_all()

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
            self.end()

    def _lose_all(self) -> None:
        with self._lock:
            self._ended = True
            lost = list(self._watches.values())
            self._watches.clear()
        for watch in lost:
            watch.on_lost()
