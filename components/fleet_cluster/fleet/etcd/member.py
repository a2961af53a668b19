"""One etcd member: its calls by name, over connections that are kept."""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TypeVar

from . import health
from .connection import Connection
from .rpc_error import RpcError, Status
from .wire import WireError

T = TypeVar("T")

_SERVICE = "/etcdserverpb."


@dataclass(frozen=True)
class Certificates:
    """Paths of the PEM files for mutual TLS."""

    ca: Path
    cert: Path
    key: Path


def credentials(certificates: Certificates) -> ssl.SSLContext:
    """Read the files once, for all connections.

    Raises:
        OSError: a file cannot be read.
    """
    files = certificates.ca, certificates.cert, certificates.key
    for file in files:
        file.read_bytes()  # An error of ssl's does not name the file.
    found = health.context(*files)
    found.set_alpn_protocols(["h2"])
    return found


def decoded(decode: Callable[[bytes], T], answer: bytes) -> T:
    """A message, decoded.

    Raises:
        RpcError: it is none.
    """
    try:
        return decode(answer)
    except WireError as error:
        raise RpcError(Status.INTERNAL, f"the answer cannot be read: {error}") from error


class Member:
    """One member of the etcd cluster. All calls raise `RpcError`."""

    def __init__(self, endpoint: str, secured_by: ssl.SSLContext | None) -> None:
        """Connects lazily to `endpoint` ("address:port"); without credentials, in plain text."""
        self.endpoint = endpoint
        self._secured_by = secured_by
        self._lock = threading.Lock()
        self._idle: Connection | None = None
        self._is_closed = False

    def call(self, name: str, request: bytes, decode: Callable[[bytes], T], seconds: float) -> T:
        """One request, one response, within this time."""
        until = monotonic() + seconds
        connection = self._take() or self._connect(until)
        try:
            answer = connection.call(_SERVICE + name, request, until)
        finally:
            self._give_back(connection)
        return decoded(decode, answer)

    def watch(self, seconds: float) -> Connection:
        """Open a watch stream within this time; the member ends it when it has no leader."""
        connection = self._connect(monotonic() + seconds)
        connection.begin(_SERVICE + "Watch/Watch", [("hasleader", "true")])
        return connection

    def close(self) -> None:
        """Keep no connection; calls that are under way go on."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, None
        if idle:
            idle.close()

    def _connect(self, until: float) -> Connection:
        return Connection(self.endpoint, self._secured_by, until)

    def _take(self) -> Connection | None:
        with self._lock:
            idle, self._idle = self._idle, None
        if idle and not idle.is_alive():
            idle.close()
            return None
        return idle

    def _give_back(self, connection: Connection) -> None:
        """Keep it for the next call: one is enough, as calls seldom overlap."""
        with self._lock:
            if connection.is_over and not self._idle and not self._is_closed:
                self._idle = connection
                return
        connection.close()
