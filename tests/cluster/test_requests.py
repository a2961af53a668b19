"""What comes through the URL beside plain pages, and what a bad registration may not break."""

import base64
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.stack import CHECKOUT, Stack, eventually
from tests.streams.client import Talk, Upload, WebSocket

PORT = 5900
MACHINE = "machine-2"
SIZE = 5_000_000
BAD = {"/app/server/no-address": ":5000", "/app/server/no-port": "10.0.0.1:99999"}
UNIT = f"""\
[Service]
ExecStart=/usr/bin/python3 /home/core/app.py {PORT}
[X-Fleet]
MachineID="""
SomeTalk = TypeVar("SomeTalk", bound=Talk)


@pytest.fixture
def app(cluster: Stack, machines: dict[str, str]) -> Iterator[str]:
    """An app that streams, beside the others in each machine's pool: its address."""
    text = base64.b64encode((CHECKOUT / "tests/streams/app.py").read_bytes()).decode()
    cluster.on(MACHINE, f"echo {text} | base64 --decode > app.py")
    unit = cluster.program / "streams.service"
    unit.write_text(UNIT + asking.machine_ids(cluster, machines)[MACHINE] + "\n")
    address = f"{machines[MACHINE]}:{PORT}"
    try:
        cluster.fleetctl("start", str(unit))
        register(cluster, {"/app/server/streams": address})
        there = lambda: all(address in pool for pool in pools(cluster, machines))  # noqa: E731
        eventually("it is in each pool", there)
        yield address
    finally:
        cluster.on("machine-1", f"etcdctl del /app/server/streams; {forget(BAD)}")
        cluster.fleetctl("destroy", unit.name)


def register(cluster: Stack, keys: dict[str, str]) -> None:
    put = [f"etcdctl put -- {key} '{value}'" for key, value in keys.items()]
    cluster.on("machine-1", " && ".join(put))


def forget(keys: dict[str, str]) -> str:
    return "; ".join(f"etcdctl del {key}" for key in keys)


def pools(cluster: Stack, machines: dict[str, str]) -> list[str]:
    ask = "curl --silent --header 'Host: pool' 127.0.0.1"
    return [cluster.on(machine, ask).out for machine in machines]


def reach(begin: Callable[[], SomeTalk], wanted: int) -> SomeTalk:
    """A talk with the app, which is asked in turn with others that do not know what it is about."""
    for _ in range(50):
        talk = begin()
        if talk.answer() == wanted:
            return talk
        with talk:
            pass
    raise AssertionError(f"no answer was {wanted}")


def test_a_bad_registration_costs_no_other_its_place_and_is_told_once(
    cluster: Stack, machines: dict[str, str], url: str, app: str
):
    with Load(url) as load:
        register(cluster, BAD)
        cluster.on("machine-1", "etcdctl del /app/server/streams")
        gone = lambda: not any(app in pool for pool in pools(cluster, machines))  # noqa: E731
        eventually("the pools follow", gone)
        register(cluster, {"/app/server/streams": app})
        back = lambda: all(app in pool for pool in pools(cluster, machines))  # noqa: E731
        eventually("the pools follow", back)
    assert not load.failed, load.failed
    for machine in machines:
        for key, value in BAD.items():
            said = f'{key} = "{value}" is not used'
            # What a container says reaches the journal by way of Docker, later than the pool nginx.
            told = lambda machine=machine, said=said: said in of_pool(cluster, machine)  # noqa: E731
            eventually("it is told", told)
            assert of_pool(cluster, machine).count(said) == 1, of_pool(cluster, machine)


def of_pool(cluster: Stack, machine: str) -> str:
    """What nginx-pool has said on a machine."""
    return cluster.on(machine, "journalctl --unit nginx-pool --output cat").out


@pytest.mark.usefixtures("app")
def test_web_sockets_events_and_uploads_come_through_the_url(cluster: Stack, url: str):
    with reach(lambda: WebSocket(url), 101) as talk:
        assert talk.echo("over there") == "over there"
    events = "GET /events?every=0.5 HTTP/1.1\nAccept: text/event-stream"
    with reach(lambda: Talk(url, events), 200) as talk:
        assert talk.next_event() == "data: event"
    assert eventual_upload(url) == str(SIZE)
    assert "100m" in cluster.on("machine-1", "etcdctl get /app/nginx/max-body-size").out


def eventual_upload(url: str) -> str:
    for _ in range(50):
        with Upload(url, SIZE) as sent:
            status, counted = sent.finish()
            if status == 200:
                return counted
            assert status == 404, "another app's answer"
    raise AssertionError("no upload reached the app")
