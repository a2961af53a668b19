"""What fleetd sends to journald, as journald reads it."""

import logging
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet import journal_log
from fleet_cluster.fleet.journal_log import Journal, about, entry
from fleet_cluster.fleet.model.records import Verb
from tests.checkout import LIBRARY
from tests.documents import table

EVENT = re.compile(r"(?:\babout|\blog_action)\(\s*\"([a-z-]+)\"|\b_write\(step, \"([a-z-]+)\"")
DECISIONS = {"assigned", "withdrawn", "forgotten"}
"""By their kind."""


def read(sent: bytes) -> dict[str, str]:
    """The fields of an entry, by the rules of systemd's native protocol."""
    fields: dict[str, str] = {}
    while sent:
        head, _, sent = sent.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", sent[:8])
            value, sent = sent[8 : 8 + length], sent[8 + length + 1 :]
        fields[name.decode()] = value.decode()
    return fields


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "socket"))
        server.settimeout(5)
        yield server


@pytest.fixture
def log(tmp_path: Path) -> logging.Logger:
    logger = logging.Logger("fleetd")
    logger.addHandler(Journal("ab" * 16, str(tmp_path / "socket")))
    return logger


@given(st.dictionaries(st.text("ABC_", min_size=1), st.text(st.characters(codec="utf-8"))))
def test_every_text_arrives_as_it_is(fields: dict[str, str]) -> None:
    assert read(entry(fields)) == fields


def test_a_line_says_what_it_is_about(journald: socket.socket, log: logging.Logger) -> None:
    log.warning("stopping %s", "a.service", extra=about("stop", "a.service", revision=7))
    fields = read(journald.recv(65536))
    assert fields.pop("CODE_FUNC")
    assert fields == {
        "MESSAGE": "stopping a.service",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "fleetd",
        "FLEET_EVENT": "stop",
        "FLEET_UNIT": "a.service",
        "FLEET_MACHINE": "ab" * 16,
        "FLEET_REVISION": "7",
    }


def test_the_document_tells_every_event() -> None:
    sources = (path.read_text() for path in (LIBRARY / "fleet_cluster/fleet").glob("**/*.py"))
    events = {event for text in sources for found in EVENT.findall(text) for event in found}
    assert len(events) > 15
    told = table("docs/operations.md", "The journal")["`FLEET_EVENT`"]["Holds"]
    assert {*filter(None, events), *DECISIONS, *Verb} == set(re.findall(r"`([a-z-]+)`", told))


def test_a_decision_names_the_machine_that_it_is_about(
    journald: socket.socket, log: logging.Logger
) -> None:
    log.info("x", extra=about("assigned", "a.service", "cd" * 16))
    assert read(journald.recv(65536))["FLEET_MACHINE"] == "cd" * 16


def test_what_cannot_be_sent_is_printed_with_its_priority(
    log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.error("journald is away")
    assert capsys.readouterr().out == "<3>journald is away\n"


def test_a_journald_that_hangs_stops_nobody(
    journald: socket.socket, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its queue takes some lines, then none; when it reads again, it is told again."""
    monkeypatch.setattr(journal_log, "PATIENCE_SECONDS", 0.01)
    for number in range(600):
        log.info("line %d", number)
    journald.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            journald.recv(65536)
    log.info("again")
    assert read(journald.recv(65536))["MESSAGE"] == "again"
