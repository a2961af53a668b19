"""A Docker that hangs is told of, and costs its machine new units."""

import os
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetd.condition import LASTING_SECONDS
from fleet_cluster.fleet.fleetd.docker_monitor import DockerMonitor, ping, runs
from tests.unit.fleet.fleetd.test_condition import pass_seconds, told
from tests.unit.fleet.fleetd.test_loop import Rig


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """Docker's socket; who connects waits, as systemd takes connections for one that hangs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.bind(str(tmp_path / "docker.sock"))
        made.listen()
        yield made


@contextmanager
def answering(answer: Callable[[], None]) -> Generator[None]:
    """Docker answers one connection so, beside the test."""
    thread = threading.Thread(target=answer)
    thread.start()
    yield
    thread.join()


def test_machine_whose_docker_hangs_says_so_until_it_answers() -> None:
    rig, woken = Rig(), list[int]()
    faults: list[OSError] = []

    def asked() -> None:
        for fault in faults:
            raise fault

    monitor = DockerMonitor(lambda: True, asked, rig.fleetd.metrics, lambda: woken.append(1))
    monitor.look()
    assert not woken
    faults.append(TimeoutError("timed out"))
    monitor.look()
    pass_seconds(rig, LASTING_SECONDS + 1)
    assert told(rig) == "Docker does not answer" and len(woken) == 1
    assert "Docker runs and does not answer (timed out)" in rig.fleetd.metrics.faults()[0]
    faults.clear()
    monitor.look()
    pass_seconds(rig, LASTING_SECONDS + 1)
    assert told(rig) == "" and len(woken) == 2


def test_a_docker_that_was_stopped_is_not_asked() -> None:
    rig, asked = Rig(), list[int]()
    DockerMonitor(lambda: False, lambda: asked.append(1), rig.fleetd.metrics, lambda: None).look()
    assert not asked and rig.fleetd.metrics.docker == ""


def test_docker_runs_while_its_process_is_there(tmp_path: Path) -> None:
    file = tmp_path / "docker.pid"
    assert not runs(file)
    file.write_text(str(os.getpid()))
    assert runs(file)
    file.write_text(str(2**22 + 1))
    assert not runs(file)
    file.write_text("")
    assert not runs(file), "it is being written"


def test_ping_asks_for_an_answer_and_waits_no_longer_than_it_may(listener: socket.socket) -> None:
    path = Path(listener.getsockname())

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(100).startswith(b"GET /_ping ")
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nOK")

    with answering(answer):
        ping(path)
    with pytest.raises(TimeoutError):
        ping(path, patience=0.01)


def test_a_connection_that_is_closed_without_an_answer_is_no_sign_of_life(
    listener: socket.socket,
) -> None:
    def close() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)

    with answering(close), pytest.raises(OSError, match="it closed the connection"):
        ping(Path(listener.getsockname()))
