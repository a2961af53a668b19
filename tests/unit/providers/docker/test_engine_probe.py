"""What this computer's Docker engine offers: what is refused, and with which words."""

import itertools
import socket
import subprocess
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import pytest

from fleet_cluster.providers.docker import engine_probe


@pytest.fixture
def listened() -> Iterator[int]:
    """A port that something listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def without_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user who may not listen on ports below 1024."""

    def refuse(_self: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)


@pytest.mark.usefixtures("without_rights")
def test_a_port_that_docker_alone_may_have_is_not_in_use() -> None:
    assert engine_probe.is_free(1)


def test_a_port_that_docker_alone_may_have_can_be_in_use(
    listened: int, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("without_rights")
    assert not engine_probe.is_free(listened)


def test_an_engine_that_hangs_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], *, timeout: float, **_: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(SystemExit, match="engine does not answer: `docker info` took longer"):
        engine_probe.engine()


def test_a_port_that_something_listens_on_is_refused(listened: int) -> None:
    with pytest.raises(SystemExit, match=f"port {listened} of 127.0.0.1 is in use"):
        engine_probe.check_port(listened, 0)


class Socket:
    """A socket of a computer that hands out its lowest free port: any may be handed out again."""

    held: ClassVar[set[int]] = set()

    def __enter__(self) -> Self:
        return self

    def bind(self, _address: tuple[str, int]) -> None:
        self._port = next(port for port in itertools.count(40000) if port not in self.held)
        self.held.add(self._port)

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    def __exit__(self, *_: object) -> None:
        self.held.remove(self._port)


def test_no_port_is_found_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two machines with one port one cannot start; and the state keeps what was found."""
    monkeypatch.setenv("MACHINES", "12")
    monkeypatch.setattr(socket, "socket", Socket)
    monkeypatch.setattr(engine_probe, "taken_subnets", list)
    monkeypatch.setattr(engine_probe, "may_be_privileged", bool)
    found: Any = engine_probe.probe({})
    assert len({found["registry_port"], *found["ssh_ports"]}) == 13
