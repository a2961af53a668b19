"""What is told of etcd's health."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.etcd.health import ask, check
from fleet_cluster.fleet.fleetd.etcd_health import EtcdHealthMonitor
from fleet_cluster.fleet.fleetd.metrics import Metrics
from fleet_cluster.fleet.kv import KVRefusedError
from tests.unit.fleet.fakes.kv import MemoryKV

SILENT_34 = b'{"health":"false"}'
NAMED_36 = b'{"health":"false","reason":"ALARM NOSPACE"}'
WELL = b'{"health":"true"}'
EXCEEDED = "etcd refused the request: RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded"


class Member(HTTPServer):
    """Answers /health and /version as a member does."""

    answer = WELL
    version = b'{"etcdserver":"3.6.16","etcdcluster":"3.6.0","storage":"3.6.0"}'


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Member) and self.path in ("/health", "/version")
        answer = self.server.answer if self.path == "/health" else self.server.version
        self.send_response(503 if self.path == "/health" and answer != WELL else 200)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


class FullStore(MemoryKV):
    """One in which nothing can be written."""

    def grant(self, ttl: int) -> int:
        raise KVRefusedError(EXCEEDED)


@pytest.fixture
def member() -> Iterator[Member]:
    server = Member(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def metrics_after(member: Member, store: MemoryKV, here: str = "127.0.0.1") -> Metrics:
    metrics = Metrics(lambda: 0.0, 10, lambda: 0.0)
    settings = Config((f"127.0.0.1:{member.server_port}",), public_ip=here)
    EtcdHealthMonitor(settings, store, metrics).look()
    return metrics


def test_a_member_that_is_well_is_no_fault(member: Member) -> None:
    assert metrics_after(member, MemoryKV(lambda: 0.0)).faults() == []


@pytest.mark.parametrize("answer", [SILENT_34, NAMED_36])
def test_healthz_names_the_alarm_and_where_it_is_told_what_to_do(
    member: Member, answer: bytes
) -> None:
    member.answer = answer
    (fault,) = metrics_after(member, FullStore(lambda: 0.0)).faults()
    assert fault.startswith("etcd: alarm NOSPACE") and "docs/operations.md" in fault


def test_a_member_that_is_not_well_and_can_be_written_to_is_told_as_it_says(
    member: Member,
) -> None:
    member.answer = b'{"health":"false","reason":"RAFT NO LEADER"}'
    store = MemoryKV(lambda: 0.0)
    assert metrics_after(member, store).faults() == ["etcd: RAFT NO LEADER"]
    member.answer = SILENT_34
    (fault,) = metrics_after(member, store).faults()
    assert "etcdctl alarm list" in fault and not store.leases
    member.answer = b"what?"
    assert metrics_after(member, store).faults() == ["etcd: it answers b'what?'"]


def test_a_dead_member_of_this_machine_is_told_and_what_systemd_does(member: Member) -> None:
    member.shutdown()
    member.server_close()
    (fault,) = metrics_after(member, MemoryKV(lambda: 0.0)).faults()
    assert "this machine's member does not answer" in fault and "systemd starts it again" in fault


def test_the_version_is_that_of_this_machines_member_now(member: Member) -> None:
    store, metrics = MemoryKV(lambda: 0.0), Metrics(lambda: 0.0, 10, lambda: 0.0)
    settings = Config((f"127.0.0.1:{member.server_port}",), public_ip="127.0.0.1")
    monitor = EtcdHealthMonitor(settings, store, metrics)
    monitor.look()
    assert metrics.etcd_version == "3.6.16"
    member.version = b'{"etcdserver":"3.6.17"}'
    monitor.look()
    assert metrics.etcd_version == "3.6.17"
    # One that restarts says nothing for a while, and has the version that it had.
    member.version = b"what?"
    monitor.look()
    assert metrics.etcd_version == "3.6.17"
    assert metrics_after(member, store, here="127.0.0.2").etcd_version == ""


def test_a_machine_without_a_member_asks_the_next_that_answers() -> None:
    def asked(member: str) -> str:
        if member == "a:1":
            raise OSError("refused")
        return "ALARM CORRUPT"

    assert check(["a:1", "b:1"], "c", asked, str) == "ALARM CORRUPT"
    assert check(["a:1"], "c", asked, str) == ""  # The lease tells.


def test_what_is_no_http_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_babble, args=(server,), daemon=True).start()
        with pytest.raises(OSError, match="no answer that is HTTP"):
            ask(f"127.0.0.1:{server.getsockname()[1]}", None)


def _babble(server: socket.socket) -> None:
    client, _ = server.accept()
    with client:
        client.recv(1000)
        client.sendall(b"220 hello\r\n")
