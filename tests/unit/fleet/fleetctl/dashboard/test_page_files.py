"""The page's files: small, whole, and without a way for text to become markup."""

import re
from importlib.resources import files

from fleet_cluster.fleet.fleetctl.dashboard.asked import FILES

PAGE = files("fleet_cluster.fleet.fleetctl.dashboard.page")
TEXTS = {name: (PAGE / name).read_text() for name, _ in FILES.values()}
MOST_BYTES = 100_000


def test_it_is_small() -> None:
    assert sum(len(text.encode()) for text in TEXTS.values()) < MOST_BYTES


def test_all_its_files_are_served_and_no_others_are_there() -> None:
    there = {one.name for one in PAGE.iterdir() if one.is_file()}
    assert there - {"__init__.py"} == TEXTS.keys()


def test_it_needs_nothing_from_elsewhere() -> None:
    named = re.compile(r"(?:https?:)?//[\w.-]+\.\w+", re.ASCII)
    found = {name: named.findall(text) for name, text in TEXTS.items() if named.search(text)}
    assert found == {"icon.svg": ["http://www.w3.org"]}


def test_what_it_names_is_served() -> None:
    named = re.compile(r"""(?:src=|href=|from )"(?:\./)?([\w.]+)\"""")
    for text in TEXTS.values():
        assert {*named.findall(text)} <= FILES.keys()
    assert {"main.js", "page.css", "icon.svg"} <= {*named.findall(TEXTS["index.html"])}


def test_no_text_becomes_markup_and_nothing_is_inline() -> None:
    markup = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|Function\("
    )
    assert [name for name, text in TEXTS.items() if markup.search(text)] == []
    assert not re.search(
        r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", TEXTS["index.html"]
    )
