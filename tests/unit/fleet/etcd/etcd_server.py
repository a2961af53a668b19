"""An etcd member in this process: etcd's gRPC calls over a store in memory, with faults."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from fleet_cluster.fleet.kv import (
    SAME_LEASE,
    Changes,
    Condition,
    CreatedAt,
    Delete,
    KeyValue,
    LeaseLostError,
    Operation,
    Put,
    Unchanged,
)
from tests.unit.fleet.etcd import rpc_pb2 as rpc
from tests.unit.fleet.fakes.kv import MemoryKV


class EtcdServer:
    """One member on a port of this computer, a free one by default."""

    def __init__(
        self, store: MemoryKV, port: int = 0, secured_by: grpc.ServerCredentials | None = None
    ) -> None:
        self.store = store
        self.calls: list[str] = []
        self.failures: list[tuple[grpc.StatusCode, str]] = []
        """What the next calls answer, instead of doing anything."""
        self.fail_after = False
        """The next transaction is done, and then its answer is lost."""
        self.on_call: Callable[[], None] = lambda: None
        """Told of each call."""
        self._holds: list[threading.Event] = []
        self.silent = threading.Event()
        """While set, nothing is answered."""
        self.refuse_watch = False
        """The next watch is not begun, and etcd 3.6 does not say which one that is."""
        self.progress_told: queue.SimpleQueue[int] = queue.SimpleQueue()
        """The revision of each answer about progress."""
        self._released = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers((_handlers(self),))
        at = f"127.0.0.1:{port}"
        self.port = (
            self._server.add_secure_port(at, secured_by)
            if secured_by
            else self._server.add_insecure_port(at)
        )
        self.endpoint = f"127.0.0.1:{self.port}"
        self._server.start()

    def stop(self) -> None:
        self._released.set()
        self._server.stop(None).wait()

    def hold(self, until: threading.Event | None = None) -> threading.Event:
        """Let the next call wait for an event, or until the member stops."""
        self._holds.append(until or self._released)
        return self._holds[-1]

    def enter(self, name: str, context: grpc.ServicerContext) -> None:
        """What every call passes."""
        self.calls.append(name)
        self.on_call()
        if self._holds:
            self._holds.pop(0).wait()
        if self.silent.is_set():
            self._released.wait()
        if self.failures:
            context.abort(*self.failures.pop(0))

    def range(self, request: rpc.RangeRequest) -> rpc.RangeResponse:
        with self.store.lock:
            return self._range(request)

    def _range(self, request: rpc.RangeRequest) -> rpc.RangeResponse:
        first, last = request.key.decode(), request.range_end
        entries = sorted(self.store.entries.values(), key=lambda entry: entry.key)
        found = [e for e in entries if e.key >= first and (not last or e.key.encode() < last)]
        if not last:
            found = [e for e in found if e.key == first]
        limit = request.limit or len(found)
        return rpc.RangeResponse(
            header=self.header(), kvs=map(_to_kv, found[:limit]), more=len(found) > limit
        )

    def txn(self, request: rpc.TxnRequest, context: grpc.ServicerContext) -> rpc.TxnResponse:
        gets = [op.request_range for op in request.success if op.HasField("request_range")]
        if gets:
            with self.store.lock:
                answers = [rpc.ResponseOp(response_range=self.range(get)) for get in gets]
                return rpc.TxnResponse(header=self.header(), succeeded=True, responses=answers)
        try:
            done = self.store.commit(
                [_operation(op) for op in request.success], *map(_condition, request.compare)
            )
        except LeaseLostError:
            context.abort(grpc.StatusCode.NOT_FOUND, "etcdserver: requested lease not found")
            raise
        if self.fail_after:
            self.fail_after = False
            context.abort(grpc.StatusCode.UNAVAILABLE, "etcdserver: request timed out")
        return rpc.TxnResponse(header=self.header(), succeeded=bool(done))

    def keep_alive(self, lease: int) -> rpc.LeaseKeepAliveResponse:
        try:
            return rpc.LeaseKeepAliveResponse(ID=lease, TTL=self.store.keep_alive(lease))
        except LeaseLostError:
            return rpc.LeaseKeepAliveResponse(ID=lease, TTL=0)

    def time_to_live(self, lease: int) -> rpc.LeaseTimeToLiveResponse:
        if lease not in self.store.leases:
            return rpc.LeaseTimeToLiveResponse(ID=lease, TTL=-1)
        granted = self.store.leases[lease].ttl
        left = granted - self.store.lease_age(lease)
        return rpc.LeaseTimeToLiveResponse(ID=lease, TTL=left, grantedTTL=granted)

    def watch(self, requests: Iterator[rpc.WatchRequest]) -> Iterator[rpc.WatchResponse]:
        answers: queue.SimpleQueue[rpc.WatchResponse | None] = queue.SimpleQueue()
        thread = threading.Thread(target=self._serve_watch, args=(requests, answers), daemon=True)
        thread.start()
        while (answer := answers.get()) is not None:
            if self.silent.is_set():
                self._released.wait()
            yield answer

    def _serve_watch(
        self,
        requests: Iterator[rpc.WatchRequest],
        answers: "queue.SimpleQueue[rpc.WatchResponse | None]",
    ) -> None:
        newest = 0
        try:
            for request in requests:
                if request.HasField("progress_request"):
                    # As etcd from 3.5 on: nothing while a watch waits for its first revision.
                    if newest <= self.store.revision:
                        answers.put(rpc.WatchResponse(header=self.header(), watch_id=-1))
                        self.progress_told.put(self.store.revision)
                elif request.HasField("create_request"):
                    newest = max(newest, request.create_request.start_revision)
                    self._create_watch(request.create_request, answers.put)
        except grpc.RpcError:
            pass  # The client has gone.
        answers.put(None)

    def _create_watch(
        self, create: rpc.WatchCreateRequest, send: Callable[[rpc.WatchResponse], None]
    ) -> None:
        id = create.watch_id
        if self.refuse_watch:
            self.refuse_watch = False
            old = "etcdserver: revision of auth store is old"
            refusal = rpc.WatchResponse(watch_id=-1, created=True, canceled=True, cancel_reason=old)
            return send(refusal)
        send(rpc.WatchResponse(watch_id=id, created=True))
        self.store.watch(
            create.key.decode(),
            create.start_revision - 1,
            lambda changes: send(_to_response(id, changes)),
            lambda: send(rpc.WatchResponse(watch_id=id, canceled=True, cancel_reason="gone")),
        )

    def header(self) -> rpc.ResponseHeader:
        return rpc.ResponseHeader(revision=self.store.revision)


def _handlers(server: EtcdServer) -> grpc.GenericRpcHandler:
    def unary(name: str, request: Any, answer: Callable[[Any, grpc.ServicerContext], Any]) -> Any:
        def handle(asked: Any, context: grpc.ServicerContext) -> Any:
            server.enter(name, context)
            return answer(asked, context)

        return grpc.unary_unary_rpc_method_handler(handle, request.FromString, _serialized)

    def keep_alive(asked: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        server.enter("LeaseKeepAlive", context)
        for request in asked:
            yield server.keep_alive(request.ID)

    def watch(asked: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        server.calls.append("Watch " + str(dict(context.invocation_metadata()).get("hasleader")))
        return server.watch(asked)

    def stream(request: Any, handle: Callable[..., Iterator[Any]]) -> Any:
        return grpc.stream_stream_rpc_method_handler(handle, request.FromString, _serialized)

    methods = {
        "KV/Range": unary("Range", rpc.RangeRequest, lambda asked, _: server.range(asked)),
        "KV/Txn": unary("Txn", rpc.TxnRequest, server.txn),
        "Lease/LeaseGrant": unary(
            "LeaseGrant",
            rpc.LeaseGrantRequest,
            lambda asked, _: rpc.LeaseGrantResponse(ID=server.store.grant(asked.TTL)),
        ),
        "Lease/LeaseRevoke": unary(
            "LeaseRevoke",
            rpc.LeaseRevokeRequest,
            lambda asked, _: server.store.revoke(asked.ID) or rpc.LeaseRevokeResponse(),
        ),
        "Lease/LeaseTimeToLive": unary(
            "LeaseTimeToLive",
            rpc.LeaseTimeToLiveRequest,
            lambda asked, _: server.time_to_live(asked.ID),
        ),
        "Lease/LeaseKeepAlive": stream(rpc.LeaseKeepAliveRequest, keep_alive),
        "Watch/Watch": stream(rpc.WatchRequest, watch),
    }

    class Handlers(grpc.GenericRpcHandler):
        def service(self, handler_call_details: Any) -> Any:
            return methods.get(handler_call_details.method.removeprefix("/etcdserverpb."))

    return Handlers()


def _serialized(message: Any) -> bytes:
    return message.SerializeToString()


def _to_kv(entry: KeyValue) -> rpc.KeyValue:
    return rpc.KeyValue(
        key=entry.key.encode(),
        value=entry.value.encode(),
        create_revision=entry.create_revision,
        mod_revision=entry.mod_revision,
        lease=entry.lease,
    )


def _to_response(id: int, changes: Changes) -> rpc.WatchResponse:
    puts = [rpc.Event(type=rpc.Event.PUT, kv=_to_kv(entry)) for entry in changes.puts.values()]
    gone = [
        rpc.KeyValue(key=key.encode(), mod_revision=changes.revision) for key in changes.deletes
    ]
    deletes = [rpc.Event(type=rpc.Event.DELETE, kv=kv) for kv in gone]
    return rpc.WatchResponse(watch_id=id, events=[*puts, *deletes])


def _operation(op: rpc.RequestOp) -> Operation:
    if op.HasField("request_put"):
        put = op.request_put
        assert not (put.ignore_lease and put.lease), "etcd refuses it otherwise"
        lease = SAME_LEASE if put.ignore_lease else put.lease
        return Put(put.key.decode(), put.value.decode(), lease)
    return Delete(op.request_delete_range.key.decode())


def _condition(compare: rpc.Compare) -> Condition:
    key = compare.key.decode()
    if compare.target == rpc.Compare.CREATE:
        return CreatedAt(key, compare.create_revision)
    return Unchanged(key, compare.mod_revision)
