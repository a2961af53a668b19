"""The browser, which is not told the address where others could read it."""

import webbrowser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fleet_cluster.fleet.fleetctl.dashboard.browser import has_screen, shown_in_browser

URL = "http://127.0.0.1:8000/a-token/"


def test_it_is_shown_a_file_that_only_its_user_may_read_and_that_leads_to_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = list[str]()
    monkeypatch.setattr(webbrowser, "open", opened.append)
    with shown_in_browser(URL, {"DISPLAY": ":0"}):
        (given,) = opened
        assert given.startswith("file://") and "a-token" not in given
        file = Path(urlsplit(given).path)
        assert f"url={URL}" in file.read_text()
        assert file.parent.stat().st_mode & 0o077 == 0
    assert not file.parent.exists()


def test_without_a_screen_none_is_opened_in_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", pytest.fail)
    with shown_in_browser(URL, {"TERM": "xterm"}):
        pass


@pytest.mark.parametrize(
    ("environment", "platform", "has"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({}, "darwin", True),
    ],
)
def test_where_there_is_a_screen(environment: dict[str, str], platform: str, has: bool) -> None:
    assert has_screen(environment, platform) is has
