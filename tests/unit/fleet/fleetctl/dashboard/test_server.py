"""The server, asked over HTTP; a program is in fleetctl's place."""

import json
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from fleet_cluster.fleet.fleetctl.dashboard.asked import FILES
from fleet_cluster.fleet.fleetctl.dashboard.load_balancer import LoadBalancer, Totals
from fleet_cluster.fleet.fleetctl.dashboard.programs import MOST_PROGRAMS
from tests.dashboard import Dashboard, dashboard, haproxy
from tests.unit.fleet.fleetctl.live.any_overview import AT, IDS, busy

SAYS_ITS_END = """
import signal, sys
def end(*_):
    open(sys.argv[1], "w").close()
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def page() -> Iterator[Dashboard]:
    with dashboard() as page:
        page.cluster.say(busy(), AT, whole=True)
        yield page


@contextmanager
def asked(
    page: Dashboard, path: str, method: str = "GET", **headers: str
) -> Generator[HTTPResponse]:
    """The answer to a path below the page's own."""
    url = urlsplit(page.server.url)
    connection = HTTPConnection(url.netloc, timeout=60)
    try:
        connection.request(method, url.path + path, headers=headers)
        with connection.getresponse() as answer:
            yield answer
    finally:
        connection.close()


def message(answer: HTTPResponse) -> dict[str, Any]:
    line = answer.readline()
    assert line.startswith(b"data: ") and answer.readline() == b"\n"
    return json.loads(line.removeprefix(b"data: "))


def of_unit(what: str, unit: str, machine: str = IDS[0]) -> str:
    return f"{what}?unit={quote(unit)}&machine={machine}"


@pytest.mark.parametrize("path", FILES)
def test_the_page_is_served_and_may_only_do_what_it_has_to(page: Dashboard, path: str) -> None:
    with asked(page, path) as answer:
        assert answer.status == HTTPStatus.OK and answer.read()
        assert answer.headers["Content-Type"] == f"{FILES[path][1]}; charset=utf-8"
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "frame-ancestors 'none'", "trusted-types 'none'"} < {*policy}
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Python" not in answer.headers["Server"]


@pytest.mark.parametrize("path", ["", "events", "why", "journal"])
def test_a_request_for_another_host_gets_nothing(page: Dashboard, path: str) -> None:
    with asked(page, path, Host="evil.example") as answer:
        assert answer.status == HTTPStatus.MISDIRECTED_REQUEST
        assert b"<" not in answer.read()


@pytest.mark.parametrize("path", ["/", "/events", "/no-token/", "/no-token/events"])
def test_who_does_not_know_the_token_gets_nothing(page: Dashboard, path: str) -> None:
    connection = HTTPConnection(urlsplit(page.server.url).netloc, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == HTTPStatus.NOT_FOUND
    assert page.server.token not in answer.read().decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_nothing_but_get_is_answered(page: Dashboard, method: str) -> None:
    with asked(page, "", method) as answer:
        assert answer.status == HTTPStatus.NOT_IMPLEMENTED
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_two_servers_have_two_tokens(page: Dashboard) -> None:
    with dashboard() as other:
        assert len(page.server.token) >= 32 and page.server.token != other.server.token


def test_it_listens_on_this_computer_only(page: Dashboard) -> None:
    assert page.server.server_address[0] == "127.0.0.1"


def test_events_come_as_they_happen(page: Dashboard) -> None:
    with asked(page, "events") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert len(message(answer)["units"]) == 7
        page.cluster.say(type(busy())(busy().machines, {}), AT + 1)
        assert {one["gone"] for one in message(answer)["units"]} == {True}


def test_a_page_that_is_closed_is_seen_to_be_without_anything_to_send(
    page: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody_looks = Event()
    monkeypatch.setattr(page.feed, "linger", nobody_looks.set)
    with asked(page, "events") as answer:
        message(answer)
        assert not nobody_looks.is_set()
    assert nobody_looks.wait(60)


def test_a_timeline_is_what_fleetctl_why_says(page: Dashboard) -> None:
    with asked(page, of_unit("why", "hello.service")) as answer:
        assert answer.headers["Content-Type"] == "application/json"
        said = json.loads(answer.read())
        assert said["unit"] == "hello.service" and said["present"] == "waiting: for a test"


def test_what_fleetctl_why_says_instead_is_told() -> None:
    fails = "import sys; sys.exit('fleetctl: there is no unit <b>')"
    with dashboard((sys.executable, "-c", fails)) as page:
        page.cluster.say(busy(), AT, whole=True)
        with asked(page, of_unit("why", "hello.service")) as answer:
            assert answer.status == HTTPStatus.BAD_GATEWAY
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert answer.read() == b"fleetctl: there is no unit <b>\n"


def test_a_log_streams_from_the_machine_that_was_asked_for(page: Dashboard) -> None:
    with asked(page, of_unit("journal", "hello.service")) as answer:
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        words = f"journal --follow --lines=200 --machine={IDS[0]} hello.service"
        assert answer.readline() == f"one {words}\n".encode()
        assert answer.readline().startswith(b"two <img")


def test_a_unit_on_no_machine_has_a_log_where_fleetctl_finds_it(page: Dashboard) -> None:
    with asked(page, of_unit("journal", "big.service", "")) as answer:
        assert answer.readline() == b"one journal --follow --lines=200 big.service\n"


@pytest.mark.parametrize("what", ["why", "journal"])
@pytest.mark.parametrize("unit", ["", "other.service", "--help", "-o", "hello.service\n", "*"])
def test_nothing_runs_for_what_the_page_does_not_show(what: str, unit: str) -> None:
    with dashboard(("no-such-program",)) as page:
        page.cluster.say(busy(), AT, whole=True)
        with asked(page, of_unit(what, unit)) as answer:
            assert answer.status == HTTPStatus.NOT_FOUND
        with asked(page, of_unit(what, "hello.service", IDS[1])) as answer:
            assert answer.status == HTTPStatus.NOT_FOUND


def test_a_log_ends_when_the_page_closes_it(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    with dashboard((sys.executable, "-c", SAYS_ITS_END, str(ended))) as page:
        page.cluster.say(busy(), AT, whole=True)
        with asked(page, of_unit("journal", "hello.service")) as answer:
            assert answer.readline() == b"ready\n"
            (process,) = page.programs._running  # pyright: ignore[reportPrivateUsage]
        process.wait(60)
        assert ended.exists()


def test_logs_end_with_the_server(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    with dashboard((sys.executable, "-c", SAYS_ITS_END, str(ended))) as page:
        page.cluster.say(busy(), AT, whole=True)
        with asked(page, of_unit("journal", "hello.service")) as answer:
            assert answer.readline() == b"ready\n"
            page.programs.close()
            assert answer.read() == b""
            assert ended.exists()
        with asked(page, of_unit("journal", "hello.service")) as answer:
            assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE


def test_no_more_logs_are_open_than_there_may_be(
    page: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_PROGRAMS >= 4
    module = "fleet_cluster.fleet.fleetctl.dashboard.programs"
    monkeypatch.setattr(f"{module}.MOST_PROGRAMS", 1)
    with asked(page, of_unit("journal", "hello.service")) as first:
        first.readline()
        with asked(page, of_unit("journal", "hello.service")) as second:
            assert second.status == HTTPStatus.SERVICE_UNAVAILABLE
            assert b"close some" in second.read()


def test_requests_are_those_that_haproxy_has_counted() -> None:
    with haproxy() as balancer:
        balancer.counts = Totals(12, 3)
        address = LoadBalancer(f"127.0.0.1:{balancer.server_port}")
        with dashboard(load_balancer=address) as page, asked(page, "requests") as answer:
            assert json.loads(answer.read()) == {"requests": 12, "errors": 3}


def test_a_load_balancer_that_tells_nothing_is_told(page: Dashboard) -> None:
    address = f"127.0.0.1:{page.server.server_port}"
    with (
        dashboard(load_balancer=LoadBalancer(address)) as other,
        asked(other, "requests") as answer,
    ):
        assert answer.status == HTTPStatus.BAD_GATEWAY
        assert b"tells nothing of its requests" in answer.read()


def test_without_a_load_balancer_there_are_no_requests(page: Dashboard) -> None:
    with asked(page, "requests") as answer:
        assert answer.status == HTTPStatus.NO_CONTENT
