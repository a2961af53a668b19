"""The connection to the system bus, with a bus that does not do its part; and what is asked."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from dbus_fast import Message, MessageType, Variant

from fleet_cluster.fleet.systemd import dbus_connection
from fleet_cluster.fleet.systemd.dbus import DBusSystemd
from fleet_cluster.fleet.systemd.dbus_connection import PROPERTIES, UNIT, SystemBus
from tests.unit.fleet.fakes.bus import OK, Answer, FakeBus, refused, returned

WAIT = 20.0
"""Longer than anything here takes, so that a failure ends."""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBus:
    fake = FakeBus(tmp_path / "bus")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", fake.address)
    monkeypatch.setattr(dbus_connection, "RECONNECT_SECONDS", 0.01)
    return fake


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is waited for for long."""
    monkeypatch.setattr(dbus_connection, "CALL_SECONDS", 0.5)


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
@pytest.mark.usefixtures("hasty")
def test_connection_that_is_of_no_use_is_ended_and_another_one_made(
    fake: FakeBus, line: str, answer: Callable[[Message], Message | None]
) -> None:
    fake.troubles = [(line, answer)]
    assert connect().connected.wait(WAIT)
    assert fake.ended.get(timeout=WAIT) == 0


def at(seconds: int) -> Variant:
    return Variant("t", seconds * 10**6)


class Units:
    """systemd's answers about units, by name: its ACTIVE state."""

    def __init__(self, **active: str) -> None:
        self.active = active
        self.properties: list[str] = []
        """Those that were asked for."""

    def answer(self, call: Message) -> Message:
        if call.member == "ListUnitsByNames":
            return returned(call, "a(ssssssouso)", [self._row(name) for name in call.body[0]])
        if call.member == "Get":
            self.properties.append(f"{(call.path or '')[1:]} {call.body[1]}")
            is_text = call.body[1] == "UnitFileState"
            return returned(call, "v", Variant("s", "enabled") if is_text else at(1))
        return returned(call)

    def _row(self, name: str) -> list[str | int]:
        plain = name.partition(".")[0]
        return [name, "", "loaded", self.active[plain], "", "", f"/{plain}", 0, "", "/"]


def test_what_is_down_is_told_and_of_other_units_only_what_has_changed_is_asked(
    fake: FakeBus, tmp_path: Path
) -> None:
    units = Units(a="active", b="failed", docker="inactive", ssh="active")
    fake.answer = units.answer
    systemd = DBusSystemd(tmp_path / "system", tmp_path / "fleet", tmp_path / "fenced")
    for _ in range(2):
        units.properties.clear()
        assert systemd.down(["docker.service", "ssh.service"]) == {"docker.service"}
        found = systemd.follow(["a.service", "b.service"])
        assert [found[name].since for name in found] == [1.0, 1.0]
    assert units.properties == ["docker UnitFileState"]


def changed(unit: str, since: int) -> Message:
    """systemd's signal that a unit has become active."""
    active = {"ActiveState": Variant("s", "active"), "ActiveEnterTimestamp": at(since)}
    return Message(
        message_type=MessageType.SIGNAL,
        path=f"/{unit}",
        interface=PROPERTIES,
        member="PropertiesChanged",
        signature="sa{sv}as",
        body=[UNIT, active, []],
    )


def test_who_asks_about_one_unit_alone_still_hears_of_all_that_are_followed(
    fake: FakeBus, tmp_path: Path
) -> None:
    units, woken = Units(a="active", b="active"), threading.Event()
    fake.answer = units.answer
    systemd = DBusSystemd(tmp_path / "system", tmp_path / "fleet", tmp_path / "fenced")
    systemd.follow(["a.service", "b.service"])
    systemd.subscribe(woken.set)
    units.properties.clear()
    assert systemd.status(["a.service"])["a.service"].since == 1.0
    fake.tell(changed("b", 2))
    assert woken.wait(WAIT)
    found = systemd.follow(["a.service", "b.service"])
    assert [found[name].since for name in found] == [1.0, 2.0]
    assert not units.properties, "all was known"


def test_what_was_known_of_a_unit_that_is_no_longer_followed_is_asked_for(
    fake: FakeBus, tmp_path: Path
) -> None:
    units, changing = Units(a="active", b="active", c="active"), threading.Event()

    def answer(call: Message) -> Message:
        if call.member == "Get" and changing.is_set():
            fake.tell(changed("b", 2))
        return units.answer(call)

    fake.answer = answer
    systemd = DBusSystemd(tmp_path / "system", tmp_path / "fleet", tmp_path / "fenced")
    systemd.follow(["a.service", "b.service"])
    changing.set()
    systemd.follow(["b.service", "c.service"])
    units.properties.clear()
    systemd.status(["a.service", "b.service"])
    assert units.properties == ["a ActiveEnterTimestamp"]
