"""A terminal of 80 by 24 for a program, for tests of what it draws and of what keys do."""

import fcntl
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ESCAPES = re.compile(
    r"\x1b(\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[PX^_].*?\x1b\\|.)"
)


class Terminal:
    """A terminal of 80 by 24, and what was drawn on it so far."""

    def __init__(self, process: int, descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self.drawn = b""
        """All of it."""
        self._seen = 0

    def shows(self, pattern: str) -> str:
        """Wait until that is drawn, after what was waited for before."""
        while True:
            text = ESCAPES.sub("\n", self.drawn[self._seen :].decode(errors="replace"))
            if found := re.search(pattern, text):
                self._seen = len(self.drawn)
                return found[0]
            self.drawn += os.read(self._descriptor, 65536)

    def press(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def code(self) -> int:
        """The exit code, when it has ended."""
        with suppress(OSError):  # The other end is closed.
            while more := os.read(self._descriptor, 65536):
                self.drawn += more
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


@contextmanager
def on_terminal(
    words: Sequence[str], environment: Mapping[str, str], folder: Path
) -> Generator[Terminal]:
    """Run a program on a terminal of its own; at the end it is killed."""
    process, descriptor = pty.fork()
    if process == 0:
        os.chdir(folder)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.execvpe(words[0], [*words], {**environment, "TERM": "xterm-256color"})
    try:
        yield Terminal(process, descriptor)
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(process, 0)
        os.close(descriptor)
