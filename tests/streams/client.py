"""Whoever talks to `app.py` through the proxies: on one connection, as long as it likes."""

import os
import socket
from contextlib import closing
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

PATIENCE = 15
"""Seconds of silence after which a test gives up."""


class Talk:
    """One connection to a URL on 127.0.0.1, and the request that it began with."""

    def __init__(self, url: str, head: str) -> None:
        """Send the head of a request, lines without their ends.

        `head`: like "GET /events HTTP/1.1"; a Host is added.
        """
        at = urlsplit(url)
        assert at.hostname == "127.0.0.1", url
        self._socket = socket.create_connection((at.hostname, at.port or 80), timeout=PATIENCE)
        self._reader = self._socket.makefile("rb")
        self.send("\r\n".join([*head.splitlines(), "Host: app", "", ""]).encode())

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        with closing(self._socket), self._reader:
            pass

    def send(self, data: bytes) -> None:
        """More of the request."""
        self._socket.sendall(data)

    def answer(self) -> int:
        """The answer's status; its headers are passed over."""
        status = self._reader.readline().split()
        while self._reader.readline().strip():
            pass
        assert status, "the connection was cut"
        return int(status[1])

    def read(self, size: int) -> bytes:
        """So many bytes of the answer, fewer if it ends."""
        return self._reader.read(size)

    def next_event(self) -> str:
        """The next line of the answer that holds an event."""
        for line in self._reader:
            if line.startswith(b"data: "):
                return line.decode().strip()
        raise AssertionError("the connection was cut")


class WebSocket(Talk):
    """A WebSocket to the app."""

    def __init__(self, url: str) -> None:
        """Ask for it."""
        super().__init__(
            url,
            "GET /echo HTTP/1.1\nConnection: Upgrade\nUpgrade: websocket\n"
            "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )

    def echo(self, text: str) -> str:
        """What comes back."""
        data, mask = text.encode(), os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        self.send(bytes([0x81, 0x80 | len(data)]) + mask + masked)
        head = self.read(2)
        assert head, "the connection was cut"
        return self.read(head[1]).decode()


class Upload(Talk):
    """A body of a given size that is sent piece by piece."""

    def __init__(self, url: str, size: int) -> None:
        """Announce it."""
        # Not a form, of which an app may refuse so much.
        kind = "Content-Type: application/octet-stream"
        super().__init__(url, f"POST /upload HTTP/1.1\n{kind}\nContent-Length: {size}")
        self._left = size

    def send_some(self, size: int) -> None:
        """A piece of it."""
        self.send(b"x" * size)
        self._left -= size

    def finish(self) -> tuple[int, str]:
        """The rest; the answer's status, and how many bytes the app has counted."""
        size = self._left
        self.send_some(size)
        status = self.answer()
        return status, self._reader.read1(100).decode()
