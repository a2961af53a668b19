"""Collects what a command prints, and logs it line by line as it comes."""

import codecs
import threading
from collections.abc import Callable

from ..resource import Log

STDOUT, STDERR = "stdout", "stderr"
BOTH = "stdoutAndStderr"


class Output:
    """Both streams of one command, apart and interleaved in the order of arrival."""

    def __init__(self, log: Log, logging: str | None) -> None:
        """`logging` is the resource's input: stdout, stderr, stdoutAndStderr (default) or none."""
        self._parts: list[tuple[str, bytes]] = []
        self._lock = threading.Lock()
        logged = {STDOUT, STDERR} if logging in (None, BOTH) else {logging}
        self._lines = {
            stream: _Lines(log.status) for stream in (STDOUT, STDERR) if stream in logged
        }

    def write(self, stream: str, data: bytes) -> None:
        """Takes the next bytes of a stream; may be called from several threads."""
        with self._lock:
            self._parts.append((stream, data))
            if stream in self._lines:
                self._lines[stream].feed(data)

    def close(self) -> None:
        """Logs what is left of lines without an end."""
        for lines in self._lines.values():
            lines.close()

    def text(self, stream: str) -> str:
        """Returns what a stream printed, without one trailing newline."""
        return _decode(b"".join(d for s, d in self._parts if s == stream)).removesuffix("\n")

    def interleaved(self) -> str:
        """Returns what both streams printed, as it came."""
        return _decode(b"".join(data for _, data in self._parts))


def _decode(data: bytes) -> str:
    return data.decode(errors="replace")


class _Lines:
    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        for line in lines:
            self._emit(line)

    def close(self) -> None:
        if self._rest:
            self._emit(self._rest)


def failure(reason: str, command: str, output: Output) -> str:
    """Returns the text of a failed command, as pulumi-command words it."""
    return f"{reason}: running {quote(command)}:\n{output.interleaved()}"


def quote(text: str) -> str:
    """Returns text in double quotes with newlines, quotes and control characters escaped."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    shown = (
        escapes.get(char) or (char if char.isprintable() else f"\\x{ord(char):02x}")
        for char in text
    )
    return '"' + "".join(shown) + '"'
