"""What is told between two overviews."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.live.changes import change
from fleet_cluster.fleet.fleetctl.live.events import Kind, events, recent, restarts
from fleet_cluster.fleet.fleetctl.live.history import KEEP_SECONDS, MOST_EVENTS, History
from fleet_cluster.fleet.fleetctl.live.overview import MachineRow, Overview, UnitRow
from tests.unit.fleet.fleetctl.live.any_overview import (
    AT,
    IDS,
    machine,
    overview,
    overviews,
    unit,
)


def told(before: Overview, now: Overview) -> list[tuple[str, str]]:
    return [(one.kind.value, one.text) for one in events(before, now, AT)]


def one_unit(**given: str | float | bool) -> Overview:
    return overview([machine(1), machine(2)], [unit("web.service", 1, **given)])


def test_a_failure_is_told_once() -> None:
    failed = one_unit(active="failed", since=AT)
    assert told(one_unit(), failed) == [("failed", "web.service on machine-1")]
    assert told(failed, failed) == []
    assert told(failed, one_unit(active="failed", since=AT + 1, problem="no disk")) == [
        ("failed", "web.service on machine-1: no disk")
    ]


def test_a_move_is_told_when_the_unit_is_at_home_elsewhere() -> None:
    before = one_unit()
    on_its_way = overview(
        [machine(1), machine(2)], [unit("web.service"), unit("web.service", 2, is_home=False)]
    )
    there = overview([machine(1), machine(2)], [unit("web.service", 2)])
    assert told(before, on_its_way) == []
    assert told(on_its_way, there) == [("moved", "web.service from machine-1 to machine-2")]


def test_a_lost_machine_is_told_with_its_units_and_so_is_where_they_went() -> None:
    before = one_unit()
    lost = overview(
        [MachineRow(IDS[0], "machine-1", state="lost"), machine(2)],
        [unit("web.service", active="lost", sub="active")],
    )
    elsewhere = overview([machine(2)], [unit("web.service", 2, origin=IDS[0])])
    assert told(before, lost) == [("lost", "machine-1, with 1 unit")]
    assert told(lost, elsewhere) == [("moved", "web.service from machine-1 to machine-2")]
    assert told(elsewhere, before)[0] == ("joined", "machine-1")
    assert told(lost, before) == [("back", "machine-1")]


def test_a_machine_that_was_removed_for_good_is_not_lost() -> None:
    before = overview([machine(1), machine(2, removed=True)], [])
    assert told(before, overview([machine(1)], [])) == [("left", "machine-2, with 0 units")]


def test_marks_are_told() -> None:
    assert told(overview([machine(1)], []), overview([machine(1, state="cordoned")], [])) == [
        ("marked", "machine-1 cordoned")
    ]
    assert told(overview([machine(1, state="drained")], []), overview([machine(1)], [])) == [
        ("marked", "machine-1 ready")
    ]


def test_a_rolled_unit_has_another_file_on_each_machine_of_a_global_one() -> None:
    assert told(one_unit(sha="aa"), one_unit(sha="bb")) == [("rolled", "web.service on machine-1")]
    machines = [machine(1), machine(2)]

    def everywhere(*shas: str) -> Overview:
        rows = [unit("all.service", n, sha=s, everywhere=True) for n, s in enumerate(shas, 1)]
        return overview(machines, rows)

    assert told(everywhere("aa", "aa"), everywhere("aa", "bb")) == [
        ("rolled", "all.service on machine-2")
    ]


def test_a_global_unit_that_comes_to_a_machine_has_not_moved() -> None:
    first = unit("all.service", 1, everywhere=True)
    second = unit("all.service", 2, everywhere=True)
    machines = [machine(1), machine(2)]
    assert told(overview(machines, [first]), overview(machines, [first, second])) == []


def test_what_happened_before_anybody_looked_is_told_from_the_records() -> None:
    now = overview(
        [machine(1), machine(2)],
        [
            unit("a.service", active="failed", since=AT - 60),
            unit("b.service", active="failed", since=AT - KEEP_SECONDS - 1),
            unit("c.service", 2, origin=IDS[0], moved_at=AT - 120),
        ],
    )
    found = recent(now, AT - KEEP_SECONDS)
    assert [(one.at, one.kind, one.text) for one in found] == [
        (AT - 120, Kind.MOVED, "c.service from machine-1 to machine-2"),
        (AT - 60, Kind.FAILED, "a.service on machine-1"),
    ]


def test_restarts_are_counted_and_stops_are_not() -> None:
    up, place = one_unit(since=1.0), ("web.service", IDS[0])
    waiting = one_unit(active="activating", sub="auto-restart", since=2.0)
    assert restarts(up, waiting) == [place]
    assert restarts(waiting, waiting) == []
    assert restarts(waiting, one_unit(since=3.0)) == [], "it is counted already"
    assert restarts(up, one_unit(since=3.0)) == [place], "what was between was not seen"
    stopped = one_unit(active="inactive", sub="dead", since=2.0)
    assert restarts(up, stopped) == restarts(stopped, one_unit(since=3.0)) == []


@given(overviews)
def test_where_nothing_changes_nothing_is_told(one: Overview) -> None:
    assert events(one, one, AT) == []
    assert restarts(one, one) == []


@given(overviews, overviews)
def test_each_event_is_so(before: Overview, now: Overview) -> None:
    found = {(one.kind, one.text) for one in events(before, now, AT)}
    alive = {id for id, row in before.machines.items() if not row.is_lost}
    still = {id for id, row in now.machines.items() if not row.is_lost}
    gone = {text.split(",")[0] for kind, text in found if kind in (Kind.LOST, Kind.LEFT)}
    come = {text for kind, text in found if kind in (Kind.BACK, Kind.JOINED)}
    assert gone == {before.machines[id].name for id in alive - still}
    assert come == {now.machines[id].name for id in still - alive}
    failed = [text for kind, text in found if kind is Kind.FAILED]
    assert len(failed) <= sum(row.active == "failed" for row in now.units.values())
    for row in now.units.values():
        was = before.units.get((row.unit, row.machine))
        is_new = row.active == "failed" and (was is None or was.active not in ("failed", "lost"))
        name = f"{row.unit} on {now.name_of(row.machine)}"
        assert not is_new or any(text.startswith(name) for text in failed)


@given(overviews, overviews)
def test_a_move_ends_at_a_home_that_is_new(before: Overview, now: Overview) -> None:
    for one in events(before, now, AT):
        if one.kind is Kind.MOVED:
            name, _, way = one.text.partition(" from ")
            source, _, target = way.partition(" to ")
            assert source != target
            homes = [row for row in now.units.values() if row.unit == name and row.is_home]
            new = [row for row in homes if not _was_home(row, before)]
            assert target in {now.name_of(row.machine) for row in new}


def _was_home(row: UnitRow, before: Overview) -> bool:
    was = before.units.get((row.unit, row.machine))
    return was is not None and was.is_home


@given(st.lists(overviews, min_size=1, max_size=5))
def test_a_history_is_the_sum_of_its_steps(steps: list[Overview]) -> None:
    history, expected = History(), list[str]()
    before: Overview | None = None
    for step in steps:
        history.take_in(change(before, step, AT))
        if before is not None:
            expected += [one.text for one in events(before, step, AT) if one.at == AT]
        before = step
    told = [one.text for one in reversed(history.events(AT)) if one.at == AT]
    assert told == expected[-MOST_EVENTS:]


def test_old_events_are_forgotten() -> None:
    history = History()
    history.take_in(change(None, one_unit(), AT))
    history.take_in(change(one_unit(), one_unit(sha="cc"), AT + 1))
    assert [one.kind for one in history.events(AT + KEEP_SECONDS)] == [Kind.ROLLED]
    assert history.events(AT + KEEP_SECONDS + 2) == []


def test_a_history_knows_since_when_a_machine_is_lost_and_its_name() -> None:
    history = History()
    history.take_in(change(None, one_unit(), AT))
    lost = overview([MachineRow(IDS[0], state="lost"), machine(2)], [unit("web.service")])
    history.take_in(change(one_unit(), lost, AT + 1))
    history.take_in(change(None, replace(lost), AT + 9))
    assert history.lost_since == {IDS[0]: AT + 1}
    assert history.overview.name_of(IDS[0]) == "machine-1"
    history.take_in(change(lost, one_unit(), AT + 10))
    assert history.lost_since == {}
