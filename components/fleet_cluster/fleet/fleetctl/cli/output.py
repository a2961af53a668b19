"""Standard error, where everything goes that is not a command's result."""

import io
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from threading import Timer
from typing import TextIO

from ...model.printable import printable

SLOW_SECONDS = 1.0
"""After so long without news, say what is being waited for."""


LAYOUT = "\n\t"
"""What a text for the operator is laid out with; all else that cannot be seen is escaped."""


class EscapedOutput(io.TextIOBase):
    """An output where control characters, whoever wrote them into the cluster, do nothing."""

    def __init__(self, raw: TextIO) -> None:
        """`raw`: where it goes."""
        self.raw = raw

    def write(self, text: str, /) -> int:
        """Write a text; what cannot be seen of it is escaped."""
        return self.raw.write(printable(text, LAYOUT))

    def flush(self) -> None:
        """See `TextIO.flush`."""
        self.raw.flush()

    def fileno(self) -> int:
        """See `TextIO.fileno`: for programs whose output goes there too."""
        return self.raw.fileno()

    def isatty(self) -> bool:
        """See `TextIO.isatty`."""
        return self.raw.isatty()


@contextmanager
def escaped_output() -> Generator[None]:
    """What is printed meanwhile, on standard output and error, cannot command a terminal."""
    output, error = EscapedOutput(sys.stdout), EscapedOutput(sys.stderr)
    with redirect_stdout(output), redirect_stderr(error):
        yield


def raw(stream: TextIO) -> TextIO:
    """The stream as it was before `escaped_output`, for what is to arrive as it is."""
    return stream.raw if isinstance(stream, EscapedOutput) else stream


def write(line: bytes, to: TextIO, prefix: str = "") -> None:
    """Write a line as a command has written it; to a terminal, with nothing that commands it.

    `prefix`: our own words before it, which may have colours.
    """
    if to.isatty():
        to.write(prefix + printable(line.decode(errors="replace"), LAYOUT))
        to.flush()
    else:
        to.buffer.write(prefix.encode() + line)
        to.buffer.flush()


def tell(text: str) -> None:
    """Print a line for the operator that no script should parse."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def notice_if_slow(text: str) -> Generator[Timer]:
    """Notice for something that may take its time: the operator reads it after a second.

    When that is over before the rest, cancel the timer.
    """
    timer = Timer(SLOW_SECONDS, lambda: tell(text))
    timer.daemon = True
    timer.start()
    try:
        yield timer
    finally:
        timer.cancel()


def fail(message: str) -> None:
    """Print an error for the operator."""
    if message:
        print(f"fleetctl: {message}", file=sys.stderr)
