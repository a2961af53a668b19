"""Whether Docker answers: one that hangs runs for systemd, and nothing starts or stops with it."""

import socket
from collections.abc import Callable
from pathlib import Path

from .metrics import Metrics

SECONDS = 5.0
"""How often it is asked: nothing tells when it hangs."""

PATIENCE = 5.0
"""How long it has for the first byte of an answer."""

SOCKET, PID_FILE = Path("/run/docker.sock"), Path("/run/docker.pid")
PING = b"GET /_ping HTTP/1.0\r\n\r\n"


def ping(path: Path = SOCKET, patience: float = PATIENCE) -> None:
    """Ask Docker for a sign of life.

    Raises:
        OSError: there is none.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(patience)
        asked.connect(str(path))
        asked.sendall(PING)
        if not asked.recv(1):
            raise ConnectionError("it closed the connection")


def runs(pid_file: Path = PID_FILE) -> bool:
    """Whether there is a Docker to ask: its socket would start one that was stopped."""
    try:
        pid = pid_file.read_text().strip()
    except OSError:
        return False
    return pid.isdigit() and Path("/proc", pid).exists()


class DockerMonitor:
    """A monitor beside the loop, which must not wait for a Docker that does not answer."""

    def __init__(
        self,
        runs: Callable[[], bool],
        ping: Callable[[], None],
        metrics: Metrics,
        wake: Callable[[], None],
    ) -> None:
        """`ping` may raise OSError."""
        self._runs = runs
        self._ping = ping
        self._metrics = metrics
        self._wake = wake

    def look(self) -> None:
        """Ask once. Whether it runs at all is told elsewhere."""
        before, self._metrics.docker = self._metrics.docker, self._said()
        if self._metrics.docker != before:
            self._wake()

    def _said(self) -> str:
        if not self._runs():
            return ""
        try:
            self._ping()
        except OSError as error:
            return f"Docker runs and does not answer ({error}): units run on, and none starts here"
        return ""
