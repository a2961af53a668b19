"""The connection to the system bus, with a bus that does not do its part."""

from collections.abc import Callable
from pathlib import Path

import pytest
from dbus_fast import Message

from fleet_cluster.fleet.systemd import dbus_connection
from fleet_cluster.fleet.systemd.dbus_connection import SystemBus
from tests.unit.fleet.fakes.bus import OK, Answer, FakeBus, refused, returned

WAIT = 20.0
"""Longer than anything here takes, so that a failure ends."""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBus:
    fake = FakeBus(tmp_path / "bus")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", fake.address)
    monkeypatch.setattr(dbus_connection, "RECONNECT_SECONDS", 0.01)
    monkeypatch.setattr(dbus_connection, "CALL_SECONDS", 0.5)
    return fake


def silence(_call: Message) -> None:
    return None


def only(member: str, answer: Answer) -> Answer:
    return lambda call: answer(call) if call.member == member else returned(call)


def connect() -> SystemBus:
    return SystemBus(lambda _message: None, lambda: None)


def test_bus_that_ends_the_handshake_is_tried_again(fake: FakeBus) -> None:
    fake.troubles = [(None, returned)]
    assert connect().connected.wait(WAIT)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("", silence),
        ("REJECTED EXTERNAL", silence),
        ("no word of the handshake", silence),
        (OK, silence),
        (OK, only("AddMatch", refused)),
        (OK, only("Subscribe", refused)),
        (OK, only("Subscribe", silence)),
    ],
    ids=["silent", "rejects", "odd", "mute", "refuses-match", "refuses", "hangs"],
)
def test_connection_that_is_of_no_use_is_ended_and_another_one_made(
    fake: FakeBus, line: str, answer: Callable[[Message], Message | None]
) -> None:
    fake.troubles = [(line, answer)]
    assert connect().connected.wait(WAIT)
    assert fake.ended.get(timeout=WAIT) == 0
