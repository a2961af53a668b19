"""A lease's renewal, which asks the next member as well where one does not answer."""

import queue
import socket
import threading
from collections.abc import Iterator

import grpc
import pytest

from fleet_cluster.fleet.etcd import hedge
from fleet_cluster.fleet.etcd.client import Etcd
from fleet_cluster.fleet.etcd.member import Member
from fleet_cluster.fleet.kv import Changes, KVForbiddenError, KVUnavailableError
from tests.unit.fleet.etcd.etcd_server import EtcdServer
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.kv import MemoryKV

WAIT = 20.0
"""Longer than anything here takes, so that a failure ends."""


class Members:
    """Two members of one cluster, and a client that asks the first of them first."""

    def __init__(self) -> None:
        self.store = MemoryKV(FakeClock())
        self.lease = self.store.grant(10)
        self.servers = [EtcdServer(self.store), EtcdServer(self.store)]
        self.client = Etcd([Member(one.endpoint, None) for one in self.servers])

    def asked(self, number: int) -> list[str]:
        """What a member was asked."""
        return self.servers[number].calls


@pytest.fixture
def members() -> Iterator[Members]:
    members = Members()
    yield members
    members.client.close()
    for server in members.servers:
        server.stop()


def test_a_member_that_waits_for_a_dead_leader_keeps_its_watches(members: Members) -> None:
    """Asked anew, it answers: its new leader does."""
    heard: queue.SimpleQueue[Changes | None] = queue.SimpleQueue()
    members.client.watch("/a/", members.store.revision, heard.put, lambda: heard.put(None))
    for server in members.servers:
        server.hold()
    assert members.client.keep_alive(members.lease) == 10
    assert members.asked(0).count("LeaseKeepAlive") == 2
    members.store.put("/a/1", "one")
    assert heard.get(timeout=WAIT) is not None


def test_an_answer_that_comes_late_is_taken(members: Members) -> None:
    """The first member answers when the second is asked, which says nothing."""
    slow = members.servers[0].hold(threading.Event())
    members.servers[1].hold()
    members.servers[1].on_call = slow.set
    assert members.client.keep_alive(members.lease) == 10
    assert members.asked(0) == members.asked(1) == ["LeaseKeepAlive"]


def test_a_member_that_is_silent_for_long_is_not_asked_first_again(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hedge, "SILENT_SECONDS", 0.0)
    members.servers[0].hold()
    assert members.client.keep_alive(members.lease) == 10
    members.client.read("/a/")
    assert members.asked(0) == ["LeaseKeepAlive"]
    assert members.asked(1) == ["LeaseKeepAlive", "Range"]


def test_a_member_that_fails_is_left_at_once(members: Members) -> None:
    members.servers[0].failures = [(grpc.StatusCode.UNAVAILABLE, "etcdserver: request timed out")]
    assert members.client.keep_alive(members.lease) == 10
    members.client.read("/a/")
    assert members.asked(0) == ["LeaseKeepAlive"]
    assert members.asked(1) == ["LeaseKeepAlive", "Range"]


def test_a_member_that_returns_is_asked_once() -> None:
    """Of each machine of a crowd, which would else all come at once."""
    store = MemoryKV(FakeClock())
    lease = store.grant(10)
    before = EtcdServer(store)
    etcd = Etcd([Member(before.endpoint, None)])
    etcd.keep_alive(lease)
    before.stop()
    renewed: queue.SimpleQueue[int] = queue.SimpleQueue()
    threading.Thread(target=lambda: renewed.put(etcd.keep_alive(lease)), daemon=True).start()
    with pytest.raises(queue.Empty):
        renewed.get(timeout=4 * hedge.HEDGE_SECONDS)
    again = EtcdServer(store, before.port)
    assert renewed.get(timeout=WAIT) == 10
    etcd.read("/a/")
    assert again.calls.count("LeaseKeepAlive") == 1
    etcd.close()
    again.stop()


def test_a_refusal_is_an_answer(members: Members) -> None:
    members.servers[0].failures = [
        (grpc.StatusCode.PERMISSION_DENIED, "etcdserver: permission denied")
    ]
    with pytest.raises(KVForbiddenError):
        members.client.keep_alive(members.lease)
    assert members.asked(1) == []


def test_where_nobody_answers_it_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        endpoint = f"127.0.0.1:{hanging.getsockname()[1]}"
        etcd = Etcd([Member(endpoint, None)], limit=0.7)
        with pytest.raises(KVUnavailableError, match=endpoint):
            etcd.keep_alive(1)
        etcd.close()
