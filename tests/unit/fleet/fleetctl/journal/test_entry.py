"""Entries of a journal: whose they are, and how they are printed."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import UsageError
from fleet_cluster.fleet.fleetctl.journal.entry import (
    Entry,
    Reader,
    as_json,
    check_format,
    lines,
)
from tests.unit.fleet.fleetctl.small_cluster import WEB

AT = 1_767_609_067_123_456


@pytest.fixture(autouse=True)
def _utc() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """For these tests alone: the process keeps its zone until it is told to look again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def read(units: list[str], **fields: Any) -> Entry:
    line = json.dumps({"__REALTIME_TIMESTAMP": str(AT), **fields}).encode()
    found = Reader(WEB, units).read(line)
    assert found
    return found


@pytest.mark.parametrize(
    ("fields", "unit"),
    [
        ({"_SYSTEMD_UNIT": "a.service"}, "a.service"),
        ({"_SYSTEMD_UNIT": "b.service"}, "b.container"),
        ({"_SYSTEMD_UNIT": "init.scope", "UNIT": "b.service"}, "b.container"),
        ({"_SYSTEMD_UNIT": "a.service", "OBJECT_SYSTEMD_UNIT": "b.service"}, "b.container"),
        ({"_SYSTEMD_UNIT": "x.service", "COREDUMP_UNIT": "b.service"}, "b.container"),
        ({"UNIT": ["odd"]}, "a.service"),
    ],
)
def test_whose_it_is(fields: dict[str, Any], unit: str) -> None:
    assert read(["a.service", "b.container"], **fields).unit == unit


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"__REALTIME_TIMESTAMP": "soon"}'])
def test_what_is_no_entry_is_left_out(line: bytes) -> None:
    assert Reader(WEB, ["a.service"]).read(line) is None


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("short", "Jan 05 10:31:07 ruby[7]: one"),
        ("short-precise", "Jan 05 10:31:07.123456 ruby[7]: one"),
        ("short-iso", "2026-01-05T10:31:07+0000 ruby[7]: one"),
        ("cat", "one"),
    ],
)
def test_a_line_as_journalctl_prints_it(output: str, expected: str) -> None:
    found = read(["a.service"], MESSAGE="one\ntwo", SYSLOG_IDENTIFIER="ruby", _PID="7")
    indent = " " * (len(expected) - len("one"))
    assert lines(found, output) == [expected.encode(), f"{indent}two".encode()]


@pytest.mark.parametrize(
    ("message", "expected"),
    [([255, 10, 65], [b"\xff", b"A"]), (None, [b""]), ("é\ud800", ["é?".encode()])],
)
def test_messages_that_are_no_text(message: Any, expected: list[bytes]) -> None:
    assert lines(read(["a.service"], MESSAGE=message), "cat") == expected


def test_json_has_journalctls_fields_with_unit_and_machine() -> None:
    printed = json.loads(as_json(read(["a.service"], MESSAGE="é", _PID="7")))
    assert printed == {
        "unit": "a.service",
        "machine": f"{WEB.id}/10.0.0.11",
        "__REALTIME_TIMESTAMP": str(AT),
        "MESSAGE": "é",
        "_PID": "7",
    }


def test_an_output_that_merged_lines_cannot_have() -> None:
    with pytest.raises(UsageError, match="--output is 'export'.*short, .*json.*--machine"):
        check_format("export")
