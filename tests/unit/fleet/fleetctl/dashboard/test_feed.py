"""The feed, of links that say what a test wants."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from time import time
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.dashboard import feed as module
from fleet_cluster.fleet.fleetctl.dashboard.feed import Ask, Feed
from fleet_cluster.fleet.fleetctl.dashboard.waiting import MOST_WAITING, Waiting
from fleet_cluster.fleet.fleetctl.live.changes import change
from fleet_cluster.fleet.fleetctl.live.link import Ended, Heard, News, Told, Way
from fleet_cluster.fleet.fleetctl.usage.probes import Measured, Unmeasured
from fleet_cluster.fleet.fleetctl.usage.sample import MachineUsage, Sample, UnitUsage
from tests.dashboard import FakeCluster
from tests.unit.fleet.fleetctl.live.any_overview import AT, busy, machine, overview, unit

WAYS = [Way("machine-1", []), Way("machine-2", [])]
SMALL = overview([machine(1)], [unit("a.service"), unit("b.service")])
LESS = overview([machine(1)], [unit("a.service", active="failed", sub="failed", since=AT + 1)])


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def feed(cluster: FakeCluster) -> Iterator[Feed]:
    with closing(Feed(WAYS, cluster.connect)) as feed:
        yield feed


def read(page: Waiting) -> dict[str, Any]:
    return json.loads(page.get())


def test_a_page_is_told_all_and_then_only_what_changes(feed: Feed, cluster: FakeCluster) -> None:
    feed.open()
    cluster.say(SMALL, AT, whole=True)
    with feed.page() as page:
        first = read(page)
        assert first["whole"] and len(first["units"]) == 2 and first["connected"]
        assert first["link"] == "through machine-1"
        assert first["headline"] == "1 machine, 2 units: 2 active"
        cluster.say(LESS, AT + 1)
        then = read(page)
        assert not then["whole"] and then["machines"] == []
        assert [(one["unit"], one.get("gone")) for one in then["units"]] == [
            ("a.service", None),
            ("b.service", True),
        ]
        assert [one["kind"] for one in then["events"]] == ["failed"]


def test_what_is_whole_is_told_as_a_change_to_a_page_that_knows(
    feed: Feed, cluster: FakeCluster
) -> None:
    feed.open()
    cluster.say(SMALL, AT, whole=True)
    with feed.page() as page:
        read(page)
        cluster.say(LESS, AT + 1, whole=True)
        then = read(page)
        assert not then["whole"] and len(then["units"]) == 2


def test_there_is_one_link_whatever_the_number_of_pages(feed: Feed, cluster: FakeCluster) -> None:
    with feed.page(), feed.page() as second, feed.page() as third:
        cluster.say(SMALL, AT, whole=True)
        for page in (second, third):
            assert [read(page)["whole"], len(read(page)["units"])] == [True, 2]
    assert len(cluster.links) == 1


def test_the_link_ends_a_while_after_the_last_page_and_begins_with_the_next(
    feed: Feed, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.0)
    with feed.page() as page:
        read(page)
        first = cluster.link
        cluster.say(SMALL, AT, whole=True)
        feed.linger()
        timer = feed._linger  # pyright: ignore[reportPrivateUsage]
        assert timer
        timer.join()
        assert first.is_open  # There is a page.
    timer = feed._linger  # pyright: ignore[reportPrivateUsage]
    assert timer
    timer.join()
    assert not first.is_open
    first.tell(Ended("machine-1", "it was closed", "machine-2", True))
    with feed.page() as page:
        known = read(page)
        assert (known["link"], known["connected"]) == ("connecting", False)
        assert len(known["units"]) == 2 and known["events"] == []
        assert cluster.link is not first and cluster.link.is_open


def test_a_page_that_comes_in_time_keeps_the_link(
    feed: Feed, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_SECONDS", 3600.0)
    feed.open()
    feed.linger()
    with feed.page():
        timer = feed._linger  # pyright: ignore[reportPrivateUsage]
        assert timer
        timer.join(60)
        assert not timer.is_alive()  # It was cancelled.
        assert cluster.link.is_open and len(cluster.links) == 1


def test_a_connection_that_ends_is_told_and_what_is_known_stays(
    feed: Feed, cluster: FakeCluster
) -> None:
    feed.open()
    cluster.say(SMALL, AT, whole=True)
    with feed.page() as page:
        read(page)
        cluster.link.tell(Told("Connection closed."))
        cluster.link.tell(Ended("machine-1", "Connection closed.", "machine-2", True))
        read(page)
        told = read(page)
        assert not told["connected"] and told["units"] == []
        assert told["link"] == "no connection to machine-1, trying machine-2"
        assert [one["text"] for one in told["events"]] == ["machine-1: Connection closed."]


def test_an_etcd_that_does_not_answer_is_told(feed: Feed, cluster: FakeCluster) -> None:
    feed.open()
    cluster.say(SMALL, AT, whole=True)
    with feed.page() as page:
        read(page)
        cluster.say(SMALL, AT + 1, lost=True)
        told = read(page)
        assert told["link"] == "etcd does not answer: this may be old" and not told["connected"]


def test_a_page_that_does_not_read_is_told_all_there_is_then(
    feed: Feed, cluster: FakeCluster
) -> None:
    feed.open()
    with feed.page() as page:
        cluster.say(SMALL, AT, whole=True)
        for number in range(MOST_WAITING):
            cluster.say(LESS if number % 2 else busy(), AT + number)
        told = read(page)
        assert told["whole"] and len(told["units"]) in (1, 7)


def test_when_it_ends_pages_end_and_the_link_too(cluster: FakeCluster) -> None:
    with closing(Feed(WAYS, cluster.connect)) as feed, feed.page() as page:
        feed.close()
        assert page.get() == ""
        assert not cluster.link.is_open


def test_it_knows_which_units_it_has_shown_where(feed: Feed, cluster: FakeCluster) -> None:
    feed.open()
    cluster.say(SMALL, AT, whole=True)
    assert feed.knows("a.service", machine(1).id)
    assert not feed.knows("a.service", machine(2).id) and not feed.knows("c.service", "")


def test_the_first_news_go_to_who_waits_for_them_as_well(cluster: FakeCluster) -> None:
    heard = list[News]()
    with closing(Feed(WAYS, cluster.connect)) as feed:
        feed.open(heard.append)
        cluster.say(SMALL, AT, whole=True)
    assert len(heard) == 1


def test_machines_are_asked_what_they_use_while_there_is_a_link(cluster: FakeCluster) -> None:
    asked = list[list[str]]()
    now = overview([machine(1), machine(2), machine(3, state="lost")], [])
    ask: Ask = lambda targets: asked.append([one.name for one in targets])  # noqa: E731
    with closing(Feed(WAYS, cluster.connect, ask)) as feed:
        feed.open()
        assert asked == []
        cluster.say(now, AT, whole=True)
        cluster.say(now, AT + 1)
        assert asked == [["machine-1", "machine-2"]]
    assert asked[1:] == [[]]


def test_what_is_used_is_told_to_pages_that_are_open_and_to_the_next(
    feed: Feed, cluster: FakeCluster
) -> None:
    feed.open()
    cluster.say(SMALL, AT, whole=True)
    sample = Sample(MachineUsage(1000, 1 << 30), {"a.service": UnitUsage(250, None)})
    with feed.page() as page:
        read(page)
        feed.measure(Measured(machine(1).id, sample))
        told = read(page)["usage"]
        assert told["units"] == {"a.service": "0.25 CPUs"}
        assert [one["text"] for one in told["used"]] == ["1G of 4G", "1 of 4"]
        with feed.page() as second:
            read(second)
            assert read(second)["usage"] == told
        feed.measure(Unmeasured(machine(1).id))
        assert read(page)["usage"] == {"id": machine(1).id, "used": [], "units": {}}


def test_the_age_of_leases_is_told(feed: Feed, cluster: FakeCluster) -> None:
    feed.open()
    cluster.say(SMALL, AT, whole=True)
    with feed.page() as page:
        assert read(page)["leases"] == {}
        said = replace(change(SMALL, SMALL, time()), leases={machine(1).id: 2})
        cluster.link.tell(Heard("machine-1", said))
        told = read(page)
        assert told["leases"] == {machine(1).id: 2} and told["machines"] == []
