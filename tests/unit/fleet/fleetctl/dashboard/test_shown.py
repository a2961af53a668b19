"""What the page shows of each row."""

from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.dashboard.shown import (
    shown_events,
    shown_machine,
    shown_unit,
    shown_usage,
)
from fleet_cluster.fleet.fleetctl.live.changes import change
from fleet_cluster.fleet.fleetctl.live.events import Event, Kind
from fleet_cluster.fleet.fleetctl.live.history import History
from fleet_cluster.fleet.fleetctl.live.overview import UnitRow
from fleet_cluster.fleet.fleetctl.usage.figures import Figures
from fleet_cluster.fleet.fleetctl.usage.sample import Disk, MachineUsage, Sample, UnitUsage
from tests.unit.fleet.fleetctl.live.any_overview import AT, GIB, busy, machine, unit


def history() -> History:
    known = History()
    known.take_in(change(None, busy(), AT))
    return known


def test_a_machine_with_what_is_reserved() -> None:
    row = machine(1)
    assert shown_machine(row.id, row, history()) == {
        "id": row.id,
        "name": "machine-1",
        "address": "172.18.0.11",
        "state": "ready",
        "tone": "good",
        "lost_since": 0.0,
        "reserved": [
            {"what": "memory reserved", "share": 0.375, "text": "1.5G of 4G"},
            {"what": "CPUs reserved", "share": 0.375, "text": "1.5 of 4"},
        ],
    }


def test_where_nobody_says_what_there_is_nothing_is_reserved_of_it() -> None:
    row = machine(1, memory_total=0, cpu_total=0)
    assert shown_machine(row.id, row, history())["reserved"] == []


@pytest.mark.parametrize(
    ("state", "tone"),
    [("", "good"), ("draining", "busy"), ("lost", "bad"), ("sick: / is short of room", "bad")],
)
def test_a_machine_has_a_tone(state: str, tone: str) -> None:
    row = machine(1, state=state)
    assert shown_machine(row.id, row, history())["tone"] == tone


def test_a_machine_that_was_lost_says_since_when() -> None:
    known, lost = history(), machine(2, state="lost")
    now = replace(busy(), machines={**busy().machines, lost.id: lost})
    known.take_in(change(busy(), now, AT + 5))
    shown = shown_machine(lost.id, lost, known)
    assert shown["lost_since"] == AT + 5 and shown["state"] == "lost"


def test_what_a_machine_and_its_units_use_as_far_as_it_was_said() -> None:
    row, figures = machine(1), Figures()
    disks = (Disk("/", 3 * GIB, 4 * GIB), Disk("/var/lib/docker", GIB, 4 * GIB))
    units = {"a.service": UnitUsage(250, GIB), "b.service": UnitUsage(None, None)}
    figures.take_in(row.id, Sample(MachineUsage(1000, GIB, disks), units), AT)
    places = [("a.service", row.id), ("b.service", row.id), ("a.service", machine(2).id)]
    assert shown_usage(row.id, figures, places, row) == {
        "id": row.id,
        "used": [
            {"what": "memory", "share": 0.25, "text": "1G of 4G"},
            {"what": "CPUs", "share": 0.25, "text": "1 of 4"},
            {"what": "/var/lib/docker", "share": 0.75, "text": "3G of 4G"},
        ],
        "units": {"a.service": "1G, 0.25 CPUs"},
    }
    figures.forget(row.id)
    assert shown_usage(row.id, figures, places, row) == {"id": row.id, "used": [], "units": {}}


def test_a_unit_in_the_screens_words() -> None:
    row = unit("web@1.service", 2, memory=GIB, cpu=250, problem="it \x1b[31m flaps")
    assert shown_unit((row.unit, row.machine), row, history()) == {
        "unit": "web@1.service",
        "machine": row.machine,
        "label": "web@1.service",
        "template": "web@.service",
        "state": "running",
        "tone": "bad",
        "home": True,
        "everywhere": False,
        "since": row.since,
        "restarts": 0,
        "memory": "1G",
        "cpus": "0.25",
        "file": "abababa",
        "problem": r"it \x1b[31m flaps",
    }


@pytest.mark.parametrize(
    ("active", "sub", "state", "tone"),
    [
        ("active", "running", "running", "good"),
        ("active", "exited", "exited", "good"),
        ("activating", "start-pre", "start-pre", "busy"),
        ("activating", "auto-restart", "auto-restart", "bad"),
        ("deactivating", "stop-sigterm", "stop-sigterm", "busy"),
        ("reloading", "reload", "reload", "busy"),
        ("inactive", "dead", "dead", "quiet"),
        ("failed", "failed", "failed", "bad"),
        ("lost", "active", "lost (active)", "bad"),
    ],
)
def test_a_state_in_words_and_as_a_tone(active: str, sub: str, state: str, tone: str) -> None:
    row = unit("a.service", active=active, sub=sub)
    shown = shown_unit((row.unit, row.machine), row, history())
    assert (shown["state"], shown["tone"]) == (state, tone)


def test_a_unit_on_no_machine_is_at_home_nowhere_and_in_trouble() -> None:
    shown = shown_unit(
        ("a.service", ""), UnitRow("a.service", "", "inactive", "unplaced"), history()
    )
    assert (shown["state"], shown["tone"], shown["home"]) == ("unplaced", "bad", True)


def test_what_is_gone_is_only_named() -> None:
    assert shown_unit(("a.service", "3f"), None, history()) == {
        "unit": "a.service",
        "machine": "3f",
        "gone": True,
    }
    assert shown_machine("3f", None, history()) == {"id": "3f", "gone": True}


def test_events_are_escaped_and_loud_where_somebody_should_look() -> None:
    moved, lost = Event(1.0, Kind.MOVED, "a\x07"), Event(2.0, Kind.LOST, "m1")
    assert shown_events([moved, lost]) == [
        {"at": 1.0, "kind": "moved", "text": r"a\x07", "loud": False},
        {"at": 2.0, "kind": "lost", "text": "m1", "loud": True},
    ]
