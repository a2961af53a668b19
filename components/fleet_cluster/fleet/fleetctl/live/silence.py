"""Silence of a program that streams: one that lasts too long ends it."""

import subprocess
from queue import Empty, SimpleQueue
from threading import Thread

BEGIN_SECONDS = 60.0
"""How long a program may take until it says something: to connect, and to read all of etcd."""
SILENT_SECONDS = 20.0
"""How long it may say nothing then, if it has said that it is never silent for long."""
INTERVALS = 4
"""How many of the intervals in which it says something it may leave out, if that is longer."""
END_SECONDS = 5.0
"""How long it has to end by itself."""


class Silence(Thread):
    """Silence of a process; it begins with `start`, and again with all that is heard."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        super().__init__(daemon=True)
        self.fault = ""
        """Why the process was ended; empty if it was not."""
        self._process = process
        self._limit: float | None = None
        """For all silence but the first; none: it may last."""
        self._heard: SimpleQueue[float | None] = SimpleQueue()
        """The limit of the silence that begins; 0 at the end."""

    def heard(self, every: float) -> None:
        """Something was heard; `every`: see `Change.every`."""
        if every:
            self._limit = min(max(SILENT_SECONDS, INTERVALS * every), BEGIN_SECONDS)
        self._heard.put(self._limit)

    def stop(self) -> None:
        """Wait no longer: the process has ended, or is to."""
        self._heard.put(0)
        self.join()

    def run(self) -> None:
        """See `Thread.run`."""
        limit: float | None = BEGIN_SECONDS
        try:
            while limit != 0:
                limit = self._next(limit)
        except Empty:
            self.fault = f"it has said nothing for {limit:g} s"
            self._end()

    def _next(self, limit: float | None) -> float | None:
        """The next limit.

        Raises:
            Empty: nothing was heard.
        """
        if limit is None:
            return self._heard.get()
        try:
            return self._heard.get(timeout=limit / 2)
        except Empty:
            # Where this program stood still (Ctrl-Z), what came meanwhile is read only now.
            return self._heard.get(timeout=limit / 2)

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
