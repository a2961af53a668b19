"""Programs that run for a page: fleetctl itself, until it or the page ends."""

import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from threading import Lock

MOST_PROGRAMS = 16
"""As many at once: each is a connection over SSH."""


class TooManyError(Exception):
    """As many programs as there may be run already."""


class Programs:
    """Programs that run for pages. Any thread may call it; close it at the end."""

    def __init__(self, call: Sequence[str]) -> None:
        """`call`: how fleetctl is called, with the options of all commands."""
        self._call = call
        self._lock = Lock()
        self._running = list[subprocess.Popen[str]]()
        self._closed = False

    @contextmanager
    def run(self, words: Sequence[str]) -> Generator["subprocess.Popen[str]"]:
        """Run `fleetctl WORDS`; all that it says is its output. At the end it is told to end.

        Raises:
            TooManyError: many run already.
        """
        process = self._begin(words)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()
            if process.stdout:
                process.stdout.close()
            with self._lock:
                self._running.remove(process)

    def close(self) -> None:
        """Tell all that run to end, and run no more."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.terminate()

    def _begin(self, words: Sequence[str]) -> "subprocess.Popen[str]":
        with self._lock:
            if self._closed or len(self._running) >= MOST_PROGRAMS:
                raise TooManyError(
                    f"{MOST_PROGRAMS} logs and timelines are open already: close some of them"
                )
            process = subprocess.Popen(
                [*self._call, *words],
                stdin=subprocess.DEVNULL,  # It asks nothing: nobody would see that.
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.append(process)
            return process
