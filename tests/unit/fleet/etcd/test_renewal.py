"""The store goes on with certificates that were renewed, also by another authority."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from fleet_cluster.fleet.etcd.client import connect
from fleet_cluster.fleet.etcd.member import Certificates
from fleet_cluster.fleet.kv import KVUnavailableError, Put
from tests.unit.fleet.authority import Authority
from tests.unit.fleet.etcd.etcd_server import EtcdServer
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.kv import MemoryKV

WAIT = 20.0
"""Longer than anything here takes, so that a failure ends."""


class Secured:
    """A member that asks for certificates of one authority, and a store that has one."""

    def __init__(self, folder: Path, limit: float = 2.0) -> None:
        self.folder = folder
        self.kv = MemoryKV(FakeClock())
        self.certificates = Certificates(*(folder / f"{n}" for n in ("ca.crt", "m.crt", "m.key")))
        self.server = self._serve(0)
        one = self.certificates
        self.etcd = connect([self.server.endpoint], one.ca, one.cert, one.key, limit)

    def rotate(self) -> None:
        """The member is another process, and trusts another authority alone."""
        self.server.stop()
        self.server = self._serve(self.server.port)

    def end(self) -> None:
        self.etcd.close()
        self.server.stop()

    def _serve(self, port: int) -> EtcdServer:
        Authority().write(self.folder, "m")
        texts = [(self.folder / name).read_bytes() for name in ("m.key", "m.crt", "ca.crt")]
        pairs, trusted = [(texts[0], texts[1])], texts[2]
        return EtcdServer(self.kv, port, grpc.ssl_server_credentials(pairs, trusted, True))


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    made = Secured(tmp_path)
    yield made
    made.end()


def test_another_authority_is_trusted_once_the_files_are_read_again(secured: Secured) -> None:
    secured.etcd.commit([Put("/a", "one")])
    secured.rotate()
    with pytest.raises(KVUnavailableError):
        secured.etcd.read("/a")
    secured.etcd.renew(secured.certificates)
    assert secured.etcd.read("/a").entries["/a"].value == "one"


def test_watches_are_lost_and_can_be_opened_again(secured: Secured) -> None:
    seen: queue.SimpleQueue[str] = queue.SimpleQueue()

    def watch() -> None:
        revision = secured.etcd.read("/a").revision
        secured.etcd.watch("/a", revision, lambda _: seen.put("changes"), lambda: seen.put("lost"))

    watch()
    secured.etcd.renew(secured.certificates)
    assert seen.get(timeout=WAIT) == "lost"
    watch()
    secured.etcd.commit([Put("/a", "one")])
    assert seen.get(timeout=WAIT) == "changes"


def test_what_is_under_way_is_not_cut_off(secured: Secured) -> None:
    """A commit is never tried twice: one that was cut off would have to be found out about."""
    secured.etcd.read("/a")
    entered, goes_on = threading.Event(), threading.Event()

    def enter(name: str, context: grpc.ServicerContext) -> None:  # noqa: ARG001
        if name == "Txn":
            entered.set()
            goes_on.wait(WAIT)

    secured.server.enter = enter
    done: list[int] = []
    put = threading.Thread(target=lambda: done.append(secured.etcd.commit([Put("/a", "one")])))
    put.start()
    assert entered.wait(WAIT)
    secured.etcd.renew(secured.certificates)
    goes_on.set()
    put.join(WAIT)
    assert done == [secured.kv.revision]


def test_a_member_by_another_name_than_its_certificate_has_is_not_trusted(secured: Secured) -> None:
    one, port = secured.certificates, secured.server.port
    elsewhere = connect([f"localhost:{port}"], one.ca, one.cert, one.key, limit=0.5)
    with pytest.raises(KVUnavailableError, match="certificate verify failed"):
        elsewhere.read("/a")


def test_what_begins_after_a_renewal_goes_by_a_new_connection(secured: Secured) -> None:
    """Or an authority that was dropped would be trusted on."""
    secured.etcd.read("/a")
    Authority().write(secured.folder, "m")
    secured.etcd.renew(secured.certificates)
    with pytest.raises(KVUnavailableError, match="certificate verify failed"):
        secured.etcd.read("/a")
