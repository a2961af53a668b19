"""The store over gRPC, against members that fail in every way."""

import queue
import socket
from collections.abc import Callable, Iterator

import grpc
import pytest

from fleet_cluster.fleet.etcd import client, messages, watch
from fleet_cluster.fleet.etcd.client import Etcd, connect
from fleet_cluster.fleet.kv import (
    SAME_LEASE,
    Changes,
    CreatedAt,
    Delete,
    KVForbiddenError,
    KVRefusedError,
    KVUnavailableError,
    LeaseLostError,
    Put,
    Unchanged,
)
from tests.unit.fleet.etcd import rpc_pb2 as rpc
from tests.unit.fleet.etcd.etcd_server import EtcdServer
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.kv import MemoryKV

WAIT = 20.0
"""Longer than anything here takes, so that a failure ends."""

Connect = Callable[..., Etcd]


@pytest.fixture
def store() -> MemoryKV:
    return MemoryKV(FakeClock())


@pytest.fixture
def servers(store: MemoryKV) -> Iterator[list[EtcdServer]]:
    """Two members of one cluster."""
    servers = [EtcdServer(store), EtcdServer(store)]
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Connects to endpoints in the order that they are given in."""
    opened: list[Etcd] = []

    def in_order(members: list[object], _count: int) -> list[object]:
        return members

    def connect_to(*endpoints: str, here: str = "") -> Etcd:
        opened.append(connect(endpoints, here=here))
        return opened[-1]

    monkeypatch.setattr(client.random, "sample", in_order)
    yield connect_to
    for etcd in opened:
        etcd.close()


@pytest.fixture
def refusing() -> Iterator[str]:
    """An endpoint where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def hanging() -> Iterator[str]:
    """An endpoint that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_key_and_value_that_are_no_text_are_read_and_the_key_stays_what_it_is() -> None:
    kv = rpc.KeyValue(key=b"/fleet/units/\xff.service", value=b"\xff{")
    entry = messages.key_value(kv.SerializeToString())
    assert entry.value == "\ufffd{"
    assert messages.key_bytes(entry.key) == b"/fleet/units/\xff.service"


def test_commit_and_read(servers: list[EtcdServer], connected: Connect, store: MemoryKV) -> None:
    etcd = connected(servers[0].endpoint)
    lease = etcd.grant(10)
    revision = etcd.commit([Put("/a/1", "one", lease), Put("/b", "two")], Unchanged("/a/1", 0))
    assert revision == store.revision
    snapshot = etcd.read("/a/")
    assert snapshot.revision == revision and list(snapshot.entries) == ["/a/1"]
    entry = snapshot.entries["/a/1"]
    assert (entry.value, entry.lease, entry.mod_revision) == ("one", lease, revision)
    assert etcd.commit([Delete("/b")], Unchanged("/a/1", 0)) == 0
    assert etcd.commit([Delete("/b")], CreatedAt("/a/1", revision)) > 0
    assert etcd.read("/b").entries == {}


def test_a_key_stays_on_its_lease(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd = connected(servers[0].endpoint)
    lease = etcd.grant(10)
    revision = etcd.commit([Put("/a", "asked", lease)])
    assert etcd.commit([Put("/a", "answered", SAME_LEASE)], Unchanged("/a", revision))
    assert (store.value("/a"), store.entries["/a"].lease) == ("answered", lease)


def test_reads_in_pages(
    servers: list[EtcdServer],
    connected: Connect,
    store: MemoryKV,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "PAGE", 3)
    for number in range(10):
        store.put(f"/a/{number}", str(number))
    etcd = connected(servers[0].endpoint)
    assert len(etcd.read("/a/").entries) == 10
    assert servers[0].calls.count("Range") == 4


def test_get_asks_for_many_keys_at_once(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    for number in range(200):
        store.put(f"/a/{number}", str(number))
    etcd = connected(servers[0].endpoint)
    found = etcd.get([f"/a/{number}" for number in range(300)])
    assert len(found.entries) == 200 and found.revision == store.revision
    assert servers[0].calls.count("Txn") == 3


def test_lease_that_has_gone(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd = connected(servers[0].endpoint)
    lease = etcd.grant(10)
    assert etcd.keep_alive(lease) == 10
    assert etcd.lease_age(lease) == 0
    etcd.revoke(lease)
    etcd.revoke(lease)
    with pytest.raises(LeaseLostError):
        etcd.keep_alive(lease)
    with pytest.raises(LeaseLostError):
        etcd.lease_age(lease)
    with pytest.raises(LeaseLostError):
        etcd.commit([Put("/a", "", lease)])


@pytest.mark.parametrize("bad", ["refusing", "hanging"])
def test_bad_member_is_left_for_the_next(
    bad: str, request: pytest.FixtureRequest, servers: list[EtcdServer], connected: Connect
) -> None:
    etcd = connected(request.getfixturevalue(bad), servers[0].endpoint)
    assert etcd.commit([Put("/a", "one")]) > 0
    assert etcd.read("/a").entries["/a"].value == "one"


def test_own_member_is_asked_first(servers: list[EtcdServer], connected: Connect) -> None:
    elsewhere = f"localhost:{servers[0].port}"
    connected(elsewhere, servers[1].endpoint, here="127.0.0.1").read("/a")
    assert servers[0].calls == [] and servers[1].calls == ["Range"]


def test_member_that_comes_back_is_found(
    connected: Connect, store: MemoryKV, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = EtcdServer(store)
    etcd = connected(before.endpoint)
    etcd.read("/a")
    before.stop()
    with monkeypatch.context() as impatient, pytest.raises(KVUnavailableError) as caught:
        impatient.setattr(client, "LIMIT_SECONDS", 0.1)
        etcd.read("/a")
    assert before.endpoint in str(caught.value)
    again = EtcdServer(store, before.port)
    try:
        assert etcd.read("/a").revision == store.revision
    finally:
        again.stop()


def test_commit_after_a_member_was_restarted_is_done(connected: Connect, store: MemoryKV) -> None:
    """It is tried once only: a connection to the process of before must not cost it."""
    before = EtcdServer(store)
    etcd = connected(before.endpoint)
    etcd.commit([Put("/a", "one")])
    before.stop()
    again = EtcdServer(store, before.port)
    try:
        assert etcd.commit([Put("/a", "two")]) == store.revision
    finally:
        again.stop()


def test_much_is_written_and_read_as_fast_as_either_side_takes_it(
    servers: list[EtcdServer], connected: Connect
) -> None:
    """More than HTTP/2 lets go unconfirmed, by far."""
    etcd, value = connected(servers[0].endpoint), "ä" * 1_500_000
    assert etcd.commit([Put("/a", value)]) > 0
    assert etcd.read("/a").entries["/a"].value == value


def test_member_that_stops_answering_is_left(servers: list[EtcdServer], connected: Connect) -> None:
    etcd = connected(servers[0].endpoint, servers[1].endpoint)
    etcd.read("/a")
    servers[0].silent.set()
    etcd.read("/a")
    assert servers[1].calls == ["Range"]


def test_unknown_outcome_is_not_tried_again(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd = connected(servers[0].endpoint, servers[1].endpoint)
    servers[0].fail_after = True
    revision = store.revision
    with pytest.raises(KVUnavailableError, match="request timed out"):
        etcd.commit([Put("/a", "one")])
    assert store.revision == revision + 1
    assert servers[1].calls == []


def test_old_auth_revision_is_tried_again(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd = connected(servers[0].endpoint)
    etcd.read("/a")
    old = (grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: revision of auth store is old")
    servers[0].failures = [old]
    assert etcd.commit([Put("/a", "one")]) > 0


def test_no_is_an_answer(servers: list[EtcdServer], connected: Connect) -> None:
    etcd = connected(servers[0].endpoint)
    servers[0].failures = [(grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: too many operations")]
    with pytest.raises(KVRefusedError, match="too many operations") as refused:
        etcd.read("/a")
    assert not isinstance(refused.value, KVForbiddenError)
    assert servers[0].calls == ["Range"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "etcdserver: permission denied"),
        (grpc.StatusCode.FAILED_PRECONDITION, "etcdserver: user name not found"),
        (grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: user name is empty"),
    ],
)
def test_what_a_user_may_not_do_is_told_from_other_refusals(
    servers: list[EtcdServer], connected: Connect, code: grpc.StatusCode, said: str
) -> None:
    etcd = connected(servers[0].endpoint)
    servers[0].failures = [(code, said)]
    with pytest.raises(KVForbiddenError, match=said):
        etcd.keep_alive(1)


class Heard:
    """What a watch delivers."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Changes | None] = queue.SimpleQueue()

    def on_changes(self, changes: Changes) -> None:
        self._queue.put(changes)

    def on_lost(self) -> None:
        self._queue.put(None)

    def next(self) -> Changes | None:
        """The next changes; None when the watch was lost."""
        return self._queue.get(timeout=WAIT)

    def nothing_more(self) -> bool:
        return self._queue.empty()


def test_watch_delivers_in_order(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd, heard = connected(servers[0].endpoint), Heard()
    store.put("/a/0", "before")
    after = store.revision
    store.put("/a/1", "one")
    store.put("/b/1", "not watched")
    etcd.watch("/a/", after, heard.on_changes, heard.on_lost)
    first = heard.next()
    assert first and first.puts["/a/1"].value == "one" and first.revision == after + 1
    store.remove("/a/1")
    second = heard.next()
    assert second and second.deletes == {"/a/1"} and second.puts == {}
    assert servers[0].calls == ["Watch true"]


def test_watches_share_a_stream(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd, one, two = connected(servers[0].endpoint), Heard(), Heard()
    cancelled = etcd.watch("/a/", store.revision, one.on_changes, one.on_lost)
    etcd.watch("/", store.revision, two.on_changes, two.on_lost)
    store.put("/a/1", "one")
    assert one.next() and two.next()
    cancelled.cancel()
    store.put("/a/2", "two")
    assert two.next() and one.nothing_more()
    assert servers[0].calls == ["Watch true"]


def test_cancelled_by_the_member_is_lost(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd, heard = connected(servers[0].endpoint), Heard()
    etcd.watch("/a/", store.revision, heard.on_changes, heard.on_lost)
    store.put("/a/1", "one")
    assert heard.next()
    store.lose_watches()
    assert heard.next() is None


def test_refused_watch_is_lost_and_so_are_those_on_its_stream(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd, one, two = connected(servers[0].endpoint), Heard(), Heard()
    etcd.watch("/a/", store.revision, one.on_changes, one.on_lost)
    store.put("/a/1", "one")
    assert one.next()
    servers[0].refuse_watch = True
    etcd.watch("/b/", store.revision, two.on_changes, two.on_lost)
    assert two.next() is None and one.next() is None


def test_stopped_member_loses_the_watch_and_the_next_goes_elsewhere(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd, heard = connected(servers[0].endpoint, servers[1].endpoint), Heard()
    etcd.watch("/a/", store.revision, heard.on_changes, heard.on_lost)
    store.put("/a/1", "one")
    assert heard.next()
    servers[0].stop()
    assert heard.next() is None
    etcd.read("/a/")
    etcd.watch("/a/", store.revision, heard.on_changes, heard.on_lost)
    store.put("/a/2", "two")
    assert heard.next()


def test_member_that_accepts_no_stream_loses_the_watch(
    hanging: str, connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LIVENESS_SECONDS", 0.1)
    heard = Heard()
    connected(hanging).watch("/a/", 1, heard.on_changes, heard.on_lost)
    assert heard.next() is None


def test_closed_store_loses_the_watch(servers: list[EtcdServer], connected: Connect) -> None:
    etcd, heard = connected(servers[0].endpoint), Heard()
    etcd.watch("/a/", 1, heard.on_changes, heard.on_lost)
    etcd.close()
    assert heard.next() is None


def test_silent_member_loses_the_watch(
    servers: list[EtcdServer],
    connected: Connect,
    store: MemoryKV,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    etcd, heard, other = connected(servers[0].endpoint), Heard(), Heard()
    etcd.watch("/a/", store.revision, heard.on_changes, heard.on_lost)
    store.put("/a/1", "one")
    assert heard.next()
    servers[0].silent.set()
    # Not before: a member that is only slow would be left. What is sent begins the silence anew.
    monkeypatch.setattr(watch, "LIVENESS_SECONDS", 0.1)
    etcd.watch("/b/", store.revision, other.on_changes, other.on_lost)
    assert heard.next() is None and other.next() is None


def test_a_quiet_store_keeps_the_watch(
    servers: list[EtcdServer],
    connected: Connect,
    store: MemoryKV,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The member says twice that there is nothing new; then there is, and it is heard first."""
    # As long as a member may take to answer, too.
    monkeypatch.setattr(watch, "LIVENESS_SECONDS", 1.0)
    etcd, heard = connected(servers[0].endpoint), Heard()
    store.put("/a/1", "known")
    etcd.watch("/a/", store.revision, heard.on_changes, heard.on_lost)
    for _ in range(2):
        servers[0].progress_told.get(timeout=WAIT)
    store.put("/a/2", "new")
    changes = heard.next()
    assert changes and list(changes.puts) == ["/a/2"]
    assert heard.nothing_more()


def test_of_what_is_known_already_nothing_is_delivered(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd, heard = connected(servers[0].endpoint), Heard()
    store.commit([Put("/a/1", "known"), Put("/a/2", "known")])
    after = store.revision
    store.put("/a/3", "new")
    etcd.watch("/a/", after, heard.on_changes, heard.on_lost)
    changes = heard.next()
    assert changes and list(changes.puts) == ["/a/3"] and changes.revision == after + 1


def test_leaving_a_member_takes_the_watches_along(
    servers: list[EtcdServer], connected: Connect, store: MemoryKV
) -> None:
    etcd, heard = connected(servers[0].endpoint, servers[1].endpoint), Heard()
    etcd.watch("/a/", store.revision, heard.on_changes, heard.on_lost)
    store.put("/a/1", "one")
    assert heard.next()
    servers[0].failures = [(grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader")]
    etcd.read("/a/")
    assert heard.next() is None
