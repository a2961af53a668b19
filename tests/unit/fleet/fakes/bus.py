"""A system bus on a socket: it speaks D-Bus, and fails as it is told."""

import queue
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from dbus_fast import ErrorType, Message
from dbus_fast._private.unmarshaller import Unmarshaller

Answer = Callable[[Message], Message | None]
"""The answer to a call; None: there is none."""
OK = "OK 0123456789abcdef0123456789abcdef"


def returned(call: Message, types: str = "", *body: object) -> Message:
    return Message.new_method_return(call, types, list(body))


def refused(call: Message) -> Message:
    return Message.new_error(call, ErrorType.FAILED, "no")


class FakeBus:
    """A bus. The first connections can be given troubles: what answers there instead."""

    def __init__(self, path: Path, answer: Answer = returned) -> None:
        """`answer`: to calls, in connections from then on; the bus's own are known."""
        self.address = f"unix:path={path}"
        self.troubles: list[tuple[str | None, Answer]] = []
        """Of each the line that ends its handshake, and what answers; None: its end instead."""
        self.ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        """The number of each connection that was ended by who is connected."""
        self.answer = answer
        self._last: socket.socket | None = None
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def tell(self, signal: Message) -> None:
        """Send a signal to who has connected last."""
        assert self._last
        signal.serial = 2**31
        self._last.sendall(signal._marshall(False))  # pyright: ignore[reportPrivateUsage]

    def _accept(self) -> None:
        number = 0
        while True:
            connected, _ = self._listening.accept()
            self._last = connected
            trouble = self.troubles.pop(0) if self.troubles else (OK, self.answer)
            serve = threading.Thread(
                target=self._serve, args=(number, connected, *trouble), daemon=True
            )
            serve.start()
            number += 1

    def _serve(
        self, number: int, connected: socket.socket, line: str | None, answer: Answer
    ) -> None:
        with connected:
            try:
                _read_line(connected)
                if line is not None:
                    connected.sendall(f"{line}\r\n".encode() if line else b"")
                    _read_line(connected)
                    _answer_calls(connected, answer)
            except (EOFError, ConnectionError):
                self.ended.put(number)


def _read_line(connected: socket.socket) -> None:
    read = b""
    while not read.endswith(b"\r\n"):
        if not (more := connected.recv(1)):
            raise EOFError
        read += more


def _answer_calls(connected: socket.socket, answer: Answer) -> None:
    unmarshaller, serial = Unmarshaller(sock=connected, negotiate_unix_fd=False), 0
    while call := unmarshaller.unmarshall():
        reply = answer(call)
        if call.member == "Hello" and reply:
            reply = returned(call, "s", ":1.1")
        if reply:
            serial += 1
            reply.serial = serial
            connected.sendall(reply._marshall(False))  # pyright: ignore[reportPrivateUsage]
