"""A connection to a member of etcd: gRPC over HTTP/2, one call at a time, each with a deadline.

Deadlines are given as `time.monotonic` tells the time.
"""

import socket
import ssl
import struct
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from urllib.parse import unquote_to_bytes

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error

from .rpc_error import RpcError, Status

Metadata = Sequence[tuple[str, str]]

ACKNOWLEDGE_SECONDS = 1.0
"""How long a member may take to accept that something has come."""

_PREFIX = struct.Struct(">?I")
"""What comes before each message: whether it is compressed, as none is here, and its length."""
_CHUNK = 1 << 16
"""More than a record of TLS: none stays half read where no selector sees it."""
_NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Http(H2Connection):
    MAX_CLOSED_STREAMS = 16  # It notes each call that was: 65536 by default, which are megabytes.


class Connection:
    """A connection, for one thread at a time; all methods may raise `RpcError`."""

    def __init__(self, endpoint: str, secured_by: ssl.SSLContext | None, until: float) -> None:
        """Connect to "address:port"; without a context, in plain text."""
        self.is_over = True
        """Whether the call has been answered, and another one may begin."""
        self._is_ending = False
        self._endpoint = endpoint
        self._scheme = "https" if secured_by else "http"
        self._stream = 0
        self._buffer = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._http = _Http(H2Configuration(client_side=True))
        self._http.initiate_connection()
        with _as_rpc_error():
            self._socket = _connect(endpoint, secured_by, until)

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def close(self) -> None:
        """End it, and with it the call that is under way."""
        self._socket.close()

    def is_alive(self) -> bool:
        """Whether the member has not ended it, as far as is known here."""
        try:
            self.received()
        except RpcError:
            return False
        return not self._is_ending

    def call(self, method: str, request: bytes, until: float) -> bytes:
        """One request, one response."""
        self.begin(method, [("grpc-timeout", f"{_left(until) * 1000:.0f}m")])
        self.send(request, until, is_last=True)
        responses: list[bytes] = []
        while not self.is_over:
            with _as_rpc_error():
                self._read(until)
                self._flush(until)
            responses += self._messages()
        if not responses:
            raise RpcError(Status.INTERNAL, "the answer is empty")
        return responses[0]

    def begin(self, method: str, metadata: Metadata = ()) -> None:
        """Begin a call; it goes out with its first message."""
        self.is_over = False
        self._buffer.clear()
        self._headers.clear()
        headers = [
            (":method", "POST"),
            (":scheme", self._scheme),
            (":path", method),
            (":authority", self._endpoint),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *metadata,
        ]
        with _as_rpc_error():
            self._stream = self._http.get_next_available_stream_id()
            self._http.send_headers(self._stream, headers)

    def send(self, message: bytes, until: float, is_last: bool = False) -> None:
        """Send a message of the call, as fast as the member takes it."""
        left = _PREFIX.pack(False, len(message)) + message
        with _as_rpc_error():
            while left and not self.is_over:
                window = self._http.local_flow_control_window(self._stream)
                part = left[: min(window, self._http.max_outbound_frame_size)]
                if not part:
                    self._read(until)
                    continue
                left = left[len(part) :]
                self._http.send_data(self._stream, part, end_stream=is_last and not left)
                self._flush(until)

    def received(self) -> list[bytes]:
        """The messages of the call that are there by now; waits for none."""
        with _as_rpc_error():
            with suppress(*_NOTHING_YET):
                self._read(until=0.0)
            self._flush(monotonic() + ACKNOWLEDGE_SECONDS)
        return self._messages()

    def _read(self, until: float) -> None:
        self._socket.settimeout(_left(until))
        data = self._socket.recv(_CHUNK)
        if not data:
            raise ConnectionError("the member has ended the connection")
        for event in self._http.receive_data(data):
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case ConnectionTerminated():
                self._is_ending = True
                if not self.is_over:
                    raise ConnectionError("the member ends the connection")
            case DataReceived(data=data, flow_controlled_length=size, stream_id=stream):
                self._buffer += data or b""
                self._http.acknowledge_received_data(size or 0, stream or 0)
            case ResponseReceived(headers=headers) | TrailersReceived(headers=headers):
                self._headers.update(headers or ())
            case StreamReset(error_code=code) if not self.is_over:
                raise ConnectionError(f"the member has reset the call: {code}")
            case StreamEnded():
                self._end()
            case _:
                pass

    def _flush(self, until: float) -> None:
        if waiting := self._http.data_to_send():
            self._socket.settimeout(_left(until))
            self._socket.sendall(waiting)

    def _messages(self) -> list[bytes]:
        """Take the whole messages out of what has come."""
        found: list[bytes] = []
        while len(self._buffer) >= _PREFIX.size:
            end = _PREFIX.size + _PREFIX.unpack_from(self._buffer)[1]
            if len(self._buffer) < end:
                break
            found.append(bytes(self._buffer[_PREFIX.size : end]))
            del self._buffer[:end]
        return found

    def _end(self) -> None:
        self.is_over = True
        try:
            status = Status(int(self._headers[b"grpc-status"]))
        except (KeyError, ValueError) as error:
            raise RpcError(Status.UNKNOWN, f"no answer of gRPC, but {self._headers}") from error
        if status:
            said = unquote_to_bytes(self._headers.get(b"grpc-message", b""))
            raise RpcError(status, said.decode(errors="replace"))


def _connect(endpoint: str, secured_by: ssl.SSLContext | None, until: float) -> socket.socket:
    host, _, port = endpoint.rpartition(":")
    host = host.strip("[]")
    plain = socket.create_connection((host, int(port)), _left(until))
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(_left(until))
        return secured_by.wrap_socket(plain, server_hostname=host) if secured_by else plain
    except BaseException:
        plain.close()
        raise


def _left(until: float) -> float:
    return max(until - monotonic(), 0.0)


@contextmanager
def _as_rpc_error() -> Generator[None]:
    """What goes wrong with the connection, in gRPC's words."""
    try:
        yield
    except (TimeoutError, *_NOTHING_YET) as error:
        raise RpcError(Status.DEADLINE_EXCEEDED, "no answer in time") from error
    except (OSError, H2Error) as error:
        raise RpcError(Status.UNAVAILABLE, str(error) or type(error).__name__) from error
