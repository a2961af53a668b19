"""Whatever goes wrong with an answer, the unit does not start with an empty secret.

systemd takes a connection that ends without an answer for a secret of no bytes.
"""

import os
import shlex
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet_cluster.fleet.secrets import serve
from fleet_cluster.fleet.secrets.folder import CredentialFolder, MemoryFolder
from fleet_cluster.fleet.secrets.serve import REFUSAL
from tests.unit.fleet.secrets.test_serve import exchange

SERVICES = Path(serve.__file__).parents[1] / "setup/services"


@dataclass(frozen=True)
class Fails(MemoryFolder):
    """A folder out of which something was removed at this moment."""

    error: Exception = FileNotFoundError("gone")

    def read(self, unit: str, name: str) -> str | None:
        raise self.error


@pytest.mark.skipif(os.getuid() != 0, reason="systemd asks as root")
@pytest.mark.parametrize("error", [FileNotFoundError("gone"), UnicodeError("no text")])
def test_a_fault_of_what_answers_is_a_refusal(error: Exception) -> None:
    folder: CredentialFolder = Fails(error=error)
    read, said = exchange("web@1.service", "db-password", folder)
    assert read == REFUSAL
    assert "web@1.service" in said and str(error) in said


def test_what_cannot_even_begin_to_answer_refuses(tmp_path: Path) -> None:
    """As on a machine that went back to a version without secrets, or one without memory."""
    lines = (SERVICES / "fleet-credentials@.service").read_text().splitlines()
    (start,) = [one.removeprefix("ExecStart=") for one in lines if one.startswith("ExecStart=")]
    here, there = socket.socketpair()
    with here, there:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
        running = subprocess.Popen(
            shlex.split(start), stdin=there.fileno(), stderr=subprocess.PIPE, env=environment
        )
        there.close()
        read = b"".join(iter(lambda: here.recv(1 << 16), b""))
        _, said = running.communicate()
    assert read == REFUSAL
    assert b"No module named" in said


def test_no_question_is_turned_away_however_many_units_start() -> None:
    """systemd closes what is beyond that number."""
    text = (SERVICES / "fleet-credentials.socket").read_text()
    (most,) = [one for one in text.splitlines() if one.startswith("MaxConnections=")]
    assert int(most.partition("=")[2]) >= 4096
