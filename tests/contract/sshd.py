"""Real SSH servers on 127.0.0.1, each in a folder of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ED25519 = ("ed25519",)
KEY_TYPES = (*ED25519, "ecdsa", "rsa")
START_SECONDS = 20


@dataclass(frozen=True)
class Server:
    """A running sshd, whose keys are files in its folder."""

    port: int
    folder: Path
    user: str

    def host_key(self, kind: str) -> str:
        """Returns the public host key in authorized_keys form."""
        return (self.folder / f"host_{kind}.pub").read_text()

    def user_key(self, kind: str) -> str:
        """Returns a private key that may log in."""
        return (self.folder / f"user_{kind}").read_text()

    def logins(self) -> int:
        """Returns how many logins the server accepted."""
        return (self.folder / "log").read_text().count("Accepted publickey")

    def connections(self) -> int:
        """Returns how many clients connected, whether they could log in or not."""
        return (self.folder / "log").read_text().count("Connection from")

    def wait_for_connections(self, count: int) -> None:
        """Waits until the server has told of them: it does so in its own time."""
        deadline = time.monotonic() + START_SECONDS
        while self.connections() < count and time.monotonic() < deadline:
            time.sleep(0.05)


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_kept: list[socket.socket] = []


def kept_port() -> int:
    """Returns a port that nobody listens on, and that nobody else gets until this process ends.

    It stays bound here. Whoever listens on it by its number, as a server that starts again, may.
    """
    one = socket.socket()
    _kept.append(one)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    return one.getsockname()[1]


@contextmanager
def running(
    folder: Path,
    *,
    accept_env: str = "",
    port: int | None = None,
    path: str = "",
    kinds: Sequence[str] = ED25519,
) -> Generator[Server]:
    """Starts an sshd and stops it at the end; programs are found in `path`, if given.

    `kinds` are those of the keys of the server and of its user: one of RSA takes a second to make.
    """
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(program).exists():
        raise RuntimeError("sshd is missing: `apt-get install openssh-server` has it")
    server = Server(port or kept_port(), folder, getpass.getuser())
    _write_keys(folder, kinds)
    (folder / "config").write_text(_config(server, kinds, accept_env, path))
    (folder / "log").unlink(missing_ok=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [program, "-D", "-f", str(folder / "config"), "-E", str(folder / "log")]
    )
    try:
        _wait_until_it_listens(server, process)
        yield server
    finally:
        process.terminate()
        process.wait()


def _write_keys(folder: Path, kinds: Sequence[str]) -> None:
    for owner in ("host", "user"):
        for kind in kinds:
            path = folder / f"{owner}_{kind}"
            if not path.exists():
                command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)]
                subprocess.run(command, check=True)
    allowed = [(folder / f"user_{kind}.pub").read_text() for kind in kinds]
    (folder / "authorized_keys").write_text("".join(allowed))


def _config(server: Server, kinds: Sequence[str], accept_env: str, path: str) -> str:
    lines = [
        f"Port {server.port}",
        "ListenAddress 127.0.0.1",
        *(f"HostKey {server.folder}/host_{kind}" for kind in kinds),
        f"AuthorizedKeysFile {server.folder}/authorized_keys",
        "StrictModes no",
        "LogLevel VERBOSE",
        "UsePAM no",
        "PasswordAuthentication no",
        "PidFile none",
        "MaxStartups 100",
        "Subsystem sftp internal-sftp",
        *([f"AcceptEnv {accept_env}"] if accept_env else []),
        *([f"SetEnv PATH={path}"] if path else []),
    ]
    return "\n".join(lines) + "\n"


def _wait_until_it_listens(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    log = server.folder / "log"
    while time.monotonic() < deadline and process.poll() is None:
        if log.exists() and "Server listening" in log.read_text():
            return
        time.sleep(0.05)
    raise RuntimeError(f"sshd did not start: {log.read_text() if log.exists() else 'no log'}")
