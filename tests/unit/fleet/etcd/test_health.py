"""What is told of etcd's health."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.etcd.health import Room, ask, check, is_learner
from fleet_cluster.fleet.fleetd.etcd_health import EtcdHealthMonitor
from fleet_cluster.fleet.fleetd.metrics import Metrics, render
from fleet_cluster.fleet.kv import Delete, KVRefusedError, Put
from fleet_cluster.fleet.model.backups import BACKUP_TIMER, Backup
from fleet_cluster.fleet.model.keys import BACKUP, unit_key
from fleet_cluster.fleet.model.records import Unit
from tests.unit.fleet.fakes.kv import MemoryKV

SILENT_34 = b'{"health":"false"}'
NAMED_36 = b'{"health":"false","reason":"ALARM NOSPACE"}'
WELL = b'{"health":"true"}'
FIGURES = b"""# TYPE etcd_mvcc_db_total_size_in_bytes gauge
etcd_mvcc_db_total_size_in_bytes 2.097152e+07
etcd_mvcc_db_total_size_in_use_in_bytes 1.5e+07
etcd_server_quota_backend_bytes 2.147483648e+09
"""
EXCEEDED = "etcd refused the request: RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded"


class Member(HTTPServer):
    """Answers /health, /version and /metrics as a member does."""

    answer = WELL
    version = b'{"etcdserver":"3.6.16","etcdcluster":"3.6.0","storage":"3.6.0"}'
    figures = FIGURES


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Member)
        answer = {
            "/health": self.server.answer,
            "/version": self.server.version,
            "/metrics": self.server.figures,
        }[self.path]
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


def metrics_after(
    member: Member, store: MemoryKV, here: str = "127.0.0.1", others: tuple[str, ...] = ()
) -> Metrics:
    metrics = Metrics(lambda: 0.0, 10, lambda: 0.0)
    settings = Config((f"127.0.0.1:{member.server_port}", *others), public_ip=here)
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


def test_the_last_backup_is_told_as_long_as_there_is_what_takes_them(member: Member) -> None:
    store, last = MemoryKV(lambda: 0.0), Backup(1.5, "fleet-6d0fd7c9-20261129T030000Z.db")
    store.commit([Put(BACKUP, last.to_json())])
    assert metrics_after(member, store).backup is None
    store.commit([Put(unit_key(BACKUP_TIMER), Unit("5a").to_json())])
    assert metrics_after(member, store).backup == last
    store.commit([Put(BACKUP, "what?")])
    assert metrics_after(member, store).backup is None
    store.commit([Delete(BACKUP)])
    assert metrics_after(member, store).backup == Backup(0.0), "there was none yet"


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


@pytest.mark.parametrize(
    ("figures", "is_so"),
    [(b"etcd_server_is_learner 1\n", True), (b"etcd_server_is_learner 0\n", False), (b"", False)],
)
def test_a_learner_says_that_it_is_one(member: Member, figures: bytes, is_so: bool) -> None:
    member.figures = FIGURES + figures
    assert is_learner(f"127.0.0.1:{member.server_port}", None) is is_so


def test_members_tell_of_each_other(member: Member) -> None:
    store = MemoryKV(lambda: 0.0)
    with socket.create_server(("127.0.0.2", 0)) as free:
        gone = f"127.0.0.2:{free.getsockname()[1]}"
    metrics = metrics_after(member, store, others=(gone,))
    assert metrics.faults() == []
    (warning,) = metrics.warnings()
    assert warning.startswith(f"etcd's member {gone}: it does not answer")
    text = render(metrics)
    assert f'fleet_etcd_member_healthy{{member="127.0.0.1:{member.server_port}"}} 1\n' in text
    assert f'fleet_etcd_member_healthy{{member="{gone}"}} 0\n' in text
    assert metrics_after(member, store, here="127.0.0.3", others=(gone,)).etcd_members == {}


def test_an_alarm_is_a_metric_and_told_once(member: Member) -> None:
    member.answer = NAMED_36
    metrics = metrics_after(member, FullStore(lambda: 0.0))
    assert metrics.warnings() == []
    text = render(metrics)
    assert 'fleet_etcd_alarm{alarm="NOSPACE"} 1\n' in text
    assert 'fleet_etcd_alarm{alarm="CORRUPT"} 0\n' in text
    assert f'fleet_etcd_member_healthy{{member="127.0.0.1:{member.server_port}"}} 0\n' in text


def test_data_near_their_limit_are_told_of_before_they_reach_it(member: Member) -> None:
    store = MemoryKV(lambda: 0.0)
    metrics = metrics_after(member, store)
    assert metrics.etcd_room == Room(20971520, 2147483648) and metrics.warnings() == []
    assert "fleet_etcd_quota_bytes 2147483648\n" in render(metrics)
    member.figures = FIGURES.replace(b"2.097152e+07", b"1.8e+09")
    (warning,) = metrics_after(member, store).warnings()
    assert warning.startswith("etcd's data take 1717 of 2048 MiB; ")


@pytest.mark.parametrize("figures", [b"", b"etcd_server_quota_backend_bytes many\n"])
def test_a_member_without_figures_has_no_room_that_is_known(member: Member, figures: bytes) -> None:
    member.figures = figures
    metrics = metrics_after(member, MemoryKV(lambda: 0.0))
    assert metrics.etcd_room is None and metrics.warnings() == metrics.faults() == []


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
