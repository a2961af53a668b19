"""One etcd member behind one gRPC channel: its calls by name, each with a deadline."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from . import rpc_pb2 as rpc

_UNARY: dict[str, tuple[type[Message], type[Message]]] = {
    "KV/Range": (rpc.RangeRequest, rpc.RangeResponse),
    "KV/Txn": (rpc.TxnRequest, rpc.TxnResponse),
    "Lease/LeaseGrant": (rpc.LeaseGrantRequest, rpc.LeaseGrantResponse),
    "Lease/LeaseRevoke": (rpc.LeaseRevokeRequest, rpc.LeaseRevokeResponse),
    "Lease/LeaseTimeToLive": (rpc.LeaseTimeToLiveRequest, rpc.LeaseTimeToLiveResponse),
    # A stream to etcd, which ends it when the request was the only one. As a stream here, gRPC
    # (1.51) at times never told that it had failed, whatever the deadline, where etcd had stopped.
    "Lease/LeaseKeepAlive": (rpc.LeaseKeepAliveRequest, rpc.LeaseKeepAliveResponse),
}

_OPTIONS = (
    # A proxy of the environment is not meant for the cluster's own network.
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),
    # Channels to the same member share no connection, so that a new client starts afresh.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


@dataclass(frozen=True)
class Certificates:
    """Paths of the PEM files for mutual TLS."""

    ca: Path
    cert: Path
    key: Path


def credentials(certificates: Certificates) -> grpc.ChannelCredentials:
    """Read the files once, for all channels.

    Raises:
        OSError: a file cannot be read.
    """
    return grpc.ssl_channel_credentials(
        root_certificates=certificates.ca.read_bytes(),
        private_key=certificates.key.read_bytes(),
        certificate_chain=certificates.cert.read_bytes(),
    )


@dataclass(frozen=True)
class Patience:
    """How long to wait for an answer, in seconds; and whether also for a connection.

    Without `connect`, a member that could not be reached a moment ago fails at once, and nothing
    is done to reach it: gRPC works on a connection only while a call waits for it.
    """

    seconds: float
    connect: bool = False


class Member:
    """One member of the etcd cluster. All calls raise `grpc.RpcError`."""

    def __init__(self, endpoint: str, secured_by: grpc.ChannelCredentials | None) -> None:
        """Connects lazily to `endpoint` ("address:port"); without credentials, in plain text."""
        self.endpoint = endpoint
        self._channel = (
            grpc.secure_channel(endpoint, secured_by, options=_OPTIONS)
            if secured_by
            else grpc.insecure_channel(endpoint, options=_OPTIONS)
        )
        self._calls = {
            name: self._channel.unary_unary(
                f"/etcdserverpb.{name}",
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )
            for name, (request, response) in _UNARY.items()
        }
        self._watch = self._channel.stream_stream(
            "/etcdserverpb.Watch/Watch",
            request_serializer=rpc.WatchRequest.SerializeToString,
            response_deserializer=rpc.WatchResponse.FromString,
        )

    def call(self, name: str, request: Any, how: Patience) -> Any:
        """One request, one response."""
        return self._calls[name](request, timeout=how.seconds, wait_for_ready=how.connect)

    def begin(self, name: str, request: Any, how: Patience) -> Any:
        """One request whose response is a future."""
        return self._calls[name].future(request, timeout=how.seconds, wait_for_ready=how.connect)

    def watch(self, requests: Iterator[rpc.WatchRequest]) -> Any:
        """Open a watch stream; the member ends it when it has no leader."""
        return self._watch(requests, metadata=(("hasleader", "true"),))

    def close(self) -> None:
        """Close the connection; running calls end."""
        self._channel.close()
