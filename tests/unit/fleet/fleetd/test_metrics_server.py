"""`/metrics` and `/healthz`: what they say, and when healthz is no longer 200."""

import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path
from queue import SimpleQueue

import pytest

from fleet_cluster.fleet.certificates import Certificate, CertificateFiles
from fleet_cluster.fleet.disks.file_systems import FileSystem
from fleet_cluster.fleet.etcd.health import Room
from fleet_cluster.fleet.fleetd import metrics_server
from fleet_cluster.fleet.fleetd.metrics import LOOP_SECONDS, Metrics, render
from fleet_cluster.fleet.fleetd.metrics_server import respond
from fleet_cluster.fleet.model.backups import Backup
from fleet_cluster.fleet.monitors import MOST_INTERVALS, Monitors
from tests.unit.fleet.fakes.clock import FakeClock

GOLDEN = Path(__file__).parent / "golden" / "metrics.txt"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def metrics(clock: FakeClock) -> Metrics:
    return Metrics(clock, 10, lambda: 1.5)


def status(metrics: Metrics, path: str = "/healthz", method: str = "GET") -> str:
    return respond(f"{method} {path} HTTP/1.1\r\n".encode(), metrics).decode().split("\r\n")[0]


def test_metrics(metrics: Metrics) -> None:
    metrics.memory = lambda: 4096
    metrics.leading = metrics.announced = True
    metrics.units.update(active=3, failed=1)
    metrics.flapping, metrics.unplaced = 1, 2
    metrics.decisions.update(["assigned", "assigned", "withdrawn"])
    metrics.certificates.certificates = [Certificate("/pki/fleet.crt", 0.0, 2.5e9)]
    metrics.etcd_members = {"10.0.0.11:2379": "", "10.0.0.12:2379": "it does not answer"}
    metrics.etcd_room = Room(1000, 2000)
    metrics.file_systems = [FileSystem("/", 2000, 1000, 50, 40)]
    metrics.backup = Backup(taken_at=1000.0, size=155680)
    metrics.wall_clock = lambda: 4600.0
    metrics.note_round(0.5)
    assert render(metrics) == GOLDEN.read_text()


def test_healthy(metrics: Metrics) -> None:
    assert status(metrics) == "HTTP/1.1 200 OK"


def test_a_loop_that_hangs_is_not_healthy(metrics: Metrics, clock: FakeClock) -> None:
    clock.advance(LOOP_SECONDS + 1)
    assert status(metrics) == "HTTP/1.1 503 Service Unavailable"
    assert "the loop has not ended a round for 61 s" in metrics.faults()
    metrics.note_round(61)
    assert status(metrics) == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("ago", [11.0, float("inf")])
def test_a_lease_that_is_not_renewed_is_not_healthy(metrics: Metrics, ago: float) -> None:
    metrics.contact_ago = lambda: ago
    assert status(metrics).endswith("503 Service Unavailable")
    assert "the lease of 10 s was" in metrics.faults()[0]


def test_a_thread_that_hangs_beside_the_loop_is_a_fault_by_its_name(
    metrics: Metrics, clock: FakeClock
) -> None:
    looks, ended = SimpleQueue[None](), SimpleQueue[float]()
    metrics.monitors = Monitors(clock)
    metrics.monitors.start("disks", lambda: looks.get(), 5.0, ended.put)

    def is_well_until_it_hangs() -> None:
        clock.advance(MOST_INTERVALS * 5.0)
        metrics.note_round(0.1)
        assert status(metrics) == "HTTP/1.1 200 OK"
        clock.advance(1)
        assert status(metrics) == "HTTP/1.1 503 Service Unavailable"
        assert metrics.faults()[0].startswith("the thread disks: it has not ended a look for 51 s")

    is_well_until_it_hangs()
    looks.put(None)
    assert ended.get(timeout=60) == 5.0
    is_well_until_it_hangs()


def test_trouble_is_told(metrics: Metrics) -> None:
    metrics.troubles["systemd"] = "it does not answer"
    assert b"systemd: it does not answer\n" in respond(b"GET /healthz HTTP/1.1", metrics)


DAY = 86400.0


@pytest.mark.parametrize(
    ("backup", "told"),
    [
        (None, ""),
        (Backup(1e9, interval=DAY), ""),
        (Backup(1e9 - DAY, interval=DAY), ""),
        (Backup(1e9 - 2 * DAY - 1, interval=DAY), "ok\netcd was last backed up 172801 s ago, and"),
        (Backup(1e9 - 9 * DAY), ""),
        (Backup(1e9, interval=DAY, failure="no room"), "the last backup of etcd failed: no room"),
        (Backup(0.0), "etcd was never backed up; fleetctl backup does it now"),
    ],
)
def test_a_backup_that_is_late_or_has_failed_is_told_and_is_no_fault(
    metrics: Metrics, backup: Backup | None, told: str
) -> None:
    metrics.backup, metrics.wall_clock = backup, lambda: 1e9
    answer = respond(b"GET /healthz HTTP/1.1", metrics).decode()
    assert answer.startswith("HTTP/1.1 200 OK")
    assert told in answer
    assert bool(told) == bool(metrics.warnings())


def test_a_certificate_that_ends_soon_is_told_and_one_that_has_ended_is_not_healthy(
    metrics: Metrics, clock: FakeClock
) -> None:
    metrics.certificates = CertificateFiles((), clock)
    metrics.certificates.certificates = [Certificate("/pki/fleet.crt", 0.0, 1010.0)]
    answer = respond(b"GET /healthz HTTP/1.1", metrics).decode()
    assert answer.startswith("HTTP/1.1 200 OK")
    assert answer.endswith(
        "ok\nthe certificate /pki/fleet.crt ends on 1970-01-01 00:16 UTC; renew it: pulumi up\n"
    )
    clock.advance(10)
    metrics.note_round(0.1)
    assert status(metrics).endswith("503 Service Unavailable")
    assert "the certificate /pki/fleet.crt has ended" in metrics.faults()[0]


@pytest.mark.parametrize(
    ("method", "path", "code"), [("GET", "/", "404"), ("POST", "/metrics", "405")]
)
def test_nothing_else_is_there(metrics: Metrics, method: str, path: str, code: str) -> None:
    assert code in status(metrics, path, method)


def test_it_answers_over_http(metrics: Metrics) -> None:
    with socket.socket() as kept:
        # Nobody else is given the port: it stays bound here, where nobody listens.
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{kept.getsockname()[1]}"
        metrics_server.start(address, metrics)
        assert answer_of(f"http://{address}/healthz") == b"ok\n"


def answer_of(url: str) -> bytes:
    """What is answered there, once somebody listens."""
    answered = threading.Event()
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.read()
        except urllib.error.URLError:
            answered.wait(0.05)
    pytest.fail("it never answered")
