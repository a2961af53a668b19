"""The link, with programs in the place of ssh."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from queue import Queue

import pytest

from fleet_cluster.fleet.fleetctl.live import link as module
from fleet_cluster.fleet.fleetctl.live import silence
from fleet_cluster.fleet.fleetctl.live.changes import change
from fleet_cluster.fleet.fleetctl.live.link import Ended, Heard, Link, News, Told, Way, ways_to
from fleet_cluster.fleet.fleetctl.operations.context import no_kv
from fleet_cluster.fleet.fleetctl.remote.access import FromMachine, FromOutside
from fleet_cluster.fleet.fleetctl.remote.ssh import SshHost, SshOptions
from fleet_cluster.fleet.fleetctl.remote.tunnel import Tunnel
from tests.unit.fleet.fleetctl.live.any_overview import AT, busy

LINE = change(None, busy(), AT).to_json()
LIVELY = replace(change(None, busy(), AT), every=0.01).to_json()
GET_REQUEST = "import sys, os, time; sys.stdin.readline(); "


def tell(line: str) -> str:
    return f"{GET_REQUEST}print({line!r}, flush=True); "


TELL = tell(LINE)
STAY = TELL + "sys.stdin.read()"


def way(name: str, program: str) -> Way:
    return Way(name, [sys.executable, "-c", program])


class Heards:
    """What links tell, one after the other."""

    def __init__(self) -> None:
        self.news: Queue[News] = Queue()
        self._links: list[Link] = []

    def start(self, *ways: Way) -> Link:
        link = Link(ways, self.news.put)
        self._links.append(link)
        link.start()
        return link

    def next(self) -> News:
        return self.news.get(timeout=60)

    def close(self) -> None:
        for link in self._links:
            link.close()
            link.join(60)
            assert not link.is_alive()


@pytest.fixture
def heards(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heards]:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    heards = Heards()
    yield heards
    heards.close()


def test_where_a_machine_ends_another_goes_on_and_it_is_said(heards: Heards) -> None:
    gone = TELL + "print('Connection to machine-1 closed.', file=sys.stderr); sys.exit(255)"
    heards.start(way("machine-1", gone), way("machine-2", STAY))
    told = [heards.next(), heards.next()]  # Two threads: in either order.
    (first,) = (one for one in told if isinstance(one, Heard))
    assert first.way == "machine-1" and Told("Connection to machine-1 closed.") in told
    ended = Ended("machine-1", "Connection to machine-1 closed.", "machine-2", True)
    assert heards.next() == ended
    second = heards.next()
    assert isinstance(second, Heard) and second.way == "machine-2"
    assert second.change == first.change


def test_a_machine_that_is_killed_is_left_too(heards: Heards) -> None:
    heards.start(way("machine-1", TELL + "os.kill(os.getpid(), 9)"), way("machine-2", STAY))
    assert isinstance(heards.next(), Heard)
    assert heards.next() == Ended("machine-1", "it ended with exit code -9", "machine-2", True)
    assert isinstance(heards.next(), Heard)


def test_one_machine_alone_is_tried_again(heards: Heards) -> None:
    heards.start(way("machine-1", "raise SystemExit('No route to host')"))
    for _ in range(3):
        assert heards.next() == Told("No route to host")
        assert heards.next() == Ended("machine-1", "No route to host", "machine-1", False)


def test_a_machine_that_says_what_cannot_be_used_is_left(heards: Heards) -> None:
    heards.start(
        way("m1", TELL + "print('Welcome!', flush=True); sys.stdin.read()"), way("m2", STAY)
    )
    assert isinstance(heards.next(), Heard)
    ended = heards.next()
    assert (
        isinstance(ended, Ended)
        and "it says what cannot be used: not a change: 'Welc" in ended.reason
    )
    assert isinstance(heards.next(), Heard)


def test_a_machine_that_says_nothing_is_left_for_the_next(
    heards: Heards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "BEGIN_SECONDS", 0.5)
    heards.start(
        way("m1", "import sys; sys.stdin.read()"), way("m2", "import sys; sys.stdin.read()")
    )
    assert heards.next() == Ended("m1", "it has said nothing for 0.5 s", "m2", False)
    assert heards.next() == Ended("m2", "it has said nothing for 0.5 s", "m1", False)


@pytest.mark.parametrize("ignores", ["", "import signal; signal.signal(15, signal.SIG_IGN); "])
def test_a_machine_that_falls_silent_though_it_never_is_is_left(
    heards: Heards, monkeypatch: pytest.MonkeyPatch, ignores: str
) -> None:
    monkeypatch.setattr(silence, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(silence, "END_SECONDS", 0.1)
    heards.start(way("m1", ignores + tell(LIVELY) + "time.sleep(3600)"), way("m2", STAY))
    first = heards.next()
    assert isinstance(first, Heard) and first.way == "m1"
    assert heards.next() == Ended("m1", "it has said nothing for 0.5 s", "m2", True)
    second = heards.next()
    assert isinstance(second, Heard) and second.way == "m2"


def test_a_machine_of_a_version_that_may_be_silent_is_not_left(
    heards: Heards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "SILENT_SECONDS", 0.01)
    heards.start(
        way("m1", TELL + f"time.sleep(0.5); print({LINE!r}, flush=True); sys.stdin.read()")
    )
    for _ in range(2):
        one = heards.next()
        assert isinstance(one, Heard) and one.way == "m1"


def test_a_program_that_is_not_there_is_told(heards: Heards) -> None:
    heards.start(Way("m1", ["no-such-program"]))
    assert heards.next() == Ended("m1", "no-such-program: No such file or directory", "m1", False)


def test_an_end_of_ours_is_heard_there(heards: Heards) -> None:
    link = heards.start(way("m1", STAY))
    assert isinstance(heards.next(), Heard)
    link.close()
    assert isinstance(heards.next(), Ended)


def test_the_ways_are_all_machines_that_may_be_the_tunnel_and_none_asks() -> None:
    tunnel = Tunnel(SshHost("machine-1"), SshOptions(), [SshHost("machine-2")])
    first, second = ways_to(FromOutside(tunnel, ["--endpoint=e:1"]))
    assert (first.name, second.name) == ("machine-1", "machine-2")
    assert first.call[-3:] == ["--", "machine-1", "fleetctl --carried --endpoint=e:1 stream"]
    assert "BatchMode=yes" in first.call and "-T" in first.call
    (own,) = ways_to(FromMachine(no_kv, SshOptions()))
    assert own.call == ["fleetctl", "--carried", "stream"]
