"""What systemd is given when it asks for a unit's secret, and who else asks in vain."""

import os
import socket
from pathlib import Path

import pytest

from fleet_cluster.fleet.secrets.folder import CredentialFolder, DiskFolder, MemoryFolder
from fleet_cluster.fleet.secrets.serve import REFUSAL, Credentials, RefusedError, answer
from tests.unit.fleet.fakes.sealer import FakeSealer, key_of

VALUE = b"correct horse"
SEALED = FakeSealer().seal(VALUE, [key_of("here")])


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> CredentialFolder:
    made: CredentialFolder = DiskFolder(tmp_path / "sealed")
    if request.param == "memory":
        made = MemoryFolder()
    made.write("web@1.service", {"db-password": SEALED})
    return made


def asked(unit: str, name: str, token: str = "0a1b2c") -> bytes:
    return f"\0{token}/unit/{unit}/{name}".encode()


def test_a_unit_gets_what_its_file_names(folder: CredentialFolder) -> None:
    assert (
        Credentials(folder, FakeSealer("here")).of(asked("web@1.service", "db-password"), 0)
        == VALUE
    )


@pytest.mark.parametrize(
    ("address", "user", "said"),
    [
        (asked("web@2.service", "db-password"), 0, "gets no db-password"),
        (asked("web@1.service", "other"), 0, "LoadCredential=other:/run/fleet/credentials"),
        (asked("web@1.service", "db-password"), 1000, "nobody else"),
        (b"", 0, "nobody else"),
        (b"/run/some/socket", 0, "nobody else"),
        (asked("..", "web@1.service"), 0, "gets no"),
        (asked("web@1.service", ".."), 0, "gets no"),
        (asked("web@1.service/db-password", "x"), 0, "nobody else"),
    ],
)
def test_whoever_else_asks_gets_nothing(
    folder: CredentialFolder, address: bytes, user: int, said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        Credentials(folder, FakeSealer("here")).of(address, user)


def test_what_is_sealed_to_another_machine_is_not_given(folder: CredentialFolder) -> None:
    with pytest.raises(RefusedError, match="cannot be opened: no identity matched"):
        Credentials(folder, FakeSealer("there")).of(asked("web@1.service", "db-password"), 0)


def test_a_unit_that_is_given_others_keeps_none_of_before(folder: CredentialFolder) -> None:
    folder.write("web@1.service", {"other": SEALED})
    assert folder.read("web@1.service", "db-password") is None
    folder.write("web@1.service", {})
    assert folder.read("web@1.service", "other") is None
    folder.remove("web@1.service")


def test_the_folder_is_for_root_alone(tmp_path: Path) -> None:
    made = DiskFolder(tmp_path / "sealed")
    made.write("web.service", {"a": SEALED})
    assert {path.stat().st_mode & 0o777 for path in (made.path, made.path / "web.service")} == {
        0o700
    }


def exchange(unit: str, name: str, folder: CredentialFolder) -> tuple[bytes, str]:
    """What a client of that address reads, and why it was refused."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(f"\0fleet-test-{os.getpid()}")
        listener.listen()
        client.bind(asked(unit, name, f"{os.getpid():x}"))
        client.connect(listener.getsockname())
        connection, _ = listener.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        with connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
            said = answer(connection, Credentials(folder, FakeSealer("here")))
        return b"".join(iter(lambda: client.recv(1 << 16), b"")), said


@pytest.mark.skipif(os.getuid() != 0, reason="systemd asks as root")
def test_systemd_reads_the_value(folder: CredentialFolder) -> None:
    assert exchange("web@1.service", "db-password", folder) == (VALUE, "")


@pytest.mark.skipif(os.getuid() != 0, reason="systemd asks as root")
def test_a_refusal_is_more_than_systemd_takes(folder: CredentialFolder) -> None:
    """After an empty answer, systemd starts the unit with an empty secret."""
    read, said = exchange("web@2.service", "db-password", folder)
    assert read == REFUSAL and len(read) > 1024 * 1024
    assert "web@2.service gets no db-password" in said
