"""Changes as lines: what one side writes, the other side has."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from fleet_cluster.fleet.fleetctl.live.changes import BadLineError, Change, apply, change
from fleet_cluster.fleet.fleetctl.live.overview import Overview
from tests.unit.fleet.fleetctl.live.any_overview import (
    AT,
    busy,
    large,
    machine,
    overview,
    overviews,
)


@given(overviews, overviews)
def test_a_change_leads_from_one_overview_to_the_next(before: Overview, now: Overview) -> None:
    line = change(before, now, AT).to_json()
    assert apply(before, Change.from_json(line)) == now
    whole = change(None, now, AT).to_json()
    assert apply(before, Change.from_json(whole)) == now


def test_ages_of_leases_are_a_line_of_their_own_and_change_no_row() -> None:
    told = Change(AT, False, False, {}, {}, {machine(1).id: 3})
    one = Change.from_json(told.to_json())
    assert one == told and apply(busy(), one) == busy()
    assert "leases" not in change(None, busy(), AT).to_json(), "as the version before writes it"
    with pytest.raises(BadLineError):
        Change.from_json(told.to_json().replace(":3}", ':"x"}'))


def test_that_another_line_follows_is_said_in_a_line_only_where_it_is_so() -> None:
    told = replace(change(None, busy(), AT), every=5.0)
    assert Change.from_json(told.to_json()) == told
    silent = change(None, busy(), AT).to_json()
    assert "every" not in json.loads(silent) and not Change.from_json(silent).every


@given(overviews)
def test_where_nothing_changes_no_row_is_sent(one: Overview) -> None:
    empty = change(one, one, AT)
    assert (empty.machines, empty.units) == ({}, {})


def test_a_thousand_units_are_a_short_line_and_one_of_them_a_shorter() -> None:
    before, now = large(), large()
    place = ("web@0500.service", next(m for u, m in now.units if u == "web@0500.service"))
    del now.units[place]
    assert len(change(None, before, AT).to_json()) < 350_000
    assert len(change(before, now, AT).to_json()) < 200


def test_what_another_version_adds_is_passed_over() -> None:
    raw = json.loads(change(None, busy(), AT).to_json())
    raw["units"][0]["colour"] = "red"
    raw["news"] = 1
    assert apply(Overview(), Change.from_json(json.dumps(raw))) == busy()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Welcome!",
        "[]",
        "{}",
        '{"at":1,"whole":true,"lost":false,"machines":[{}],"units":[]}',
        '{"at":1,"whole":true,"lost":false,"machines":[{"id":5}],"units":[]}',
        '{"at":1,"whole":true,"lost":false,"machines":[{"id":"a","units":"7"}],"units":[]}',
        '{"at":"x","whole":true,"lost":false,"machines":[],"units":[]}',
        '{"at":1,"whole":true,"lost":false,"machines":5,"units":[]}',
        '{"at":1,"whole":true,"lost":false,"machines":["a"],"units":[]}',
    ],
)
def test_what_is_no_change_is_told(line: str) -> None:
    with pytest.raises(BadLineError, match="not a change"):
        Change.from_json(line)


def test_a_machine_that_is_lost_keeps_its_name() -> None:
    before = overview([machine(1)], [])
    now = overview([machine(1, name="", address="", state="lost")], [])
    assert apply(before, change(before, now, AT)).name_of(machine(1).id) == "machine-1"
