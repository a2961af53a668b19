"""What a browser may ask for, and who."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.dashboard.asked import FILES, Asked, RefusedError, asked

TOKEN, PORT = "a-token", 8000
OWN = f"127.0.0.1:{PORT}"


def status_of(target: str, host: str = OWN) -> HTTPStatus:
    with pytest.raises(RefusedError) as error:
        asked(target, host, PORT, TOKEN)
    return error.value.status


@pytest.mark.parametrize("host", [OWN, "localhost:8000"])
def test_the_page_and_its_files_are_there(host: str) -> None:
    for path in FILES:
        assert asked(f"/{TOKEN}/{path}", host, PORT, TOKEN) == Asked(path)
    assert asked(f"/{TOKEN}/events", host, PORT, TOKEN) == Asked("events")


def test_a_log_and_a_timeline_are_of_a_unit_on_a_machine() -> None:
    wanted = f"/{TOKEN}/journal?unit=web%401.service&machine=3f2a"
    assert asked(wanted, OWN, PORT, TOKEN) == Asked("journal", "web@1.service", "3f2a")
    assert asked(f"/{TOKEN}/why", OWN, PORT, TOKEN) == Asked("why")


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "LOCALHOST:80"]
)
def test_another_host_is_refused_also_with_the_token(host: str) -> None:
    assert status_of(f"/{TOKEN}/", host) == HTTPStatus.MISDIRECTED_REQUEST


@pytest.mark.parametrize(
    "target",
    ["", "/", "/other/", "/events", f"/{TOKEN}", "/a-toke/", "/é/", f"/{TOKEN}x/", f"//{TOKEN}/"],
)
def test_without_the_token_there_is_nothing(target: str) -> None:
    assert status_of(target) == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("path", ["../server.py", "index.html", "main.js/", "__init__.py", "%2e"])
def test_with_it_there_is_nothing_but_the_page(path: str) -> None:
    assert status_of(f"/{TOKEN}/{path}") == HTTPStatus.NOT_FOUND


@given(st.text(max_size=40))
def test_whatever_is_asked_for_is_answered_or_refused(path: str) -> None:
    for target in (path, f"/{TOKEN}/{path}"):
        try:
            assert asked(target, OWN, PORT, TOKEN).what in {
                *FILES,
                "events",
                "requests",
                "why",
                "journal",
            }
        except RefusedError as error:
            assert error.status == HTTPStatus.NOT_FOUND
