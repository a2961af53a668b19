"""Samples as lines: what a machine prints, the other side knows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.usage.figures import OLD_SECONDS, Figures
from fleet_cluster.fleet.fleetctl.usage.sample import (
    BadSampleError,
    Disk,
    MachineUsage,
    Sample,
    UnitUsage,
    changed,
    in_steps,
)
from tests.unit.fleet.fleetctl.usage.any_usage import amounts, machines, units

Units = dict[str, UnitUsage]


@given(st.lists(st.tuples(machines, units), min_size=1, max_size=4))
def test_what_was_told_in_parts_is_known_as_it_is_now(
    told: list[tuple[MachineUsage, Units]],
) -> None:
    figures, before = Figures(), None
    for machine, now in told:
        line = Sample(machine, changed(before, now), is_whole=before is None).to_json()
        figures.take_in("m1", Sample.from_json(line), 0.0)
        before = now
        assert figures.machine("m1") == machine
        for name in ("a.service", "b@1.service", "c.container"):
            assert figures.unit(name, "m1") == now.get(name)


@given(units)
def test_where_nothing_else_is_used_no_unit_is_told(now: Units) -> None:
    assert changed(now, dict(now)) == {}


@given(machines, units)
def test_a_whole_sample_forgets_what_was_before(machine: MachineUsage, before: Units) -> None:
    figures = Figures()
    figures.take_in("m1", Sample(machine, before, is_whole=True), 0.0)
    figures.take_in("m1", Sample(machine, {}, is_whole=True), 1.0)
    assert all(figures.unit(name, "m1") is None for name in before)


def test_what_nobody_says_any_more_is_not_known() -> None:
    figures, one = Figures(), MachineUsage(1, 2)
    figures.take_in("m1", Sample(one, {"a.service": UnitUsage(1, 2)}), 100.0)
    figures.take_in("m2", Sample(one), 105.0)
    figures.expire(100.0 + OLD_SECONDS)
    assert figures.machine("m1") is None and figures.unit("a.service", "m1") is None
    assert figures.machine("m2") == one
    figures.take_in("m1", Sample(one), 200.0)
    assert figures.unit("a.service", "m1") == UnitUsage(1, 2), "it told only what is others"
    figures.forget("m2")
    assert figures.machine("m2") is None


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "null", "7", '{"cpu": 1}', '"x"',
     '{"whole":true,"cpu":-1,"memory":0,"disks":[],"units":{}}',
     '{"whole":true,"cpu":true,"memory":0,"disks":[],"units":{}}',
     '{"whole":true,"cpu":1.5,"memory":0,"disks":[],"units":{}}',
     '{"whole":true,"cpu":1,"memory":0,"disks":[["/"]],"units":{}}',
     '{"whole":true,"cpu":1,"memory":0,"disks":[],"units":{"a":["x",1]}}',
     '{"whole":true,"cpu":1,"memory":0,"disks":[],"units":{"a":7}}',
     '{"whole":true,"cpu":1,"memory":0,"disks":[],"units":[]}', "[" * 100_000],
)  # fmt: skip
def test_what_is_no_sample_is_refused(line: str) -> None:
    with pytest.raises(BadSampleError, match="not a sample: "):
        Sample.from_json(line)


def test_what_a_later_version_says_besides_is_left_out() -> None:
    told = json.loads(Sample(MachineUsage(1, 2), {"a.service": UnitUsage(3, None)}).to_json())
    told["units"]["a.service"].append("more")
    assert Sample.from_json(json.dumps({**told, "pressure": 7})) == Sample(
        MachineUsage(1, 2), {"a.service": UnitUsage(3, None)}
    )


def test_the_fullest_disk_has_the_least_part_free() -> None:
    small, large = Disk("/run", 5, 10), Disk("/", 40, 100)
    assert MachineUsage(0, 0, (small, large)).fullest == large
    assert MachineUsage(0, 0).fullest is None


@given(amounts, st.integers(1, 1 << 20))
def test_steps_are_no_further_away_than_half_of_one(amount: int, step: int) -> None:
    assert in_steps(amount, step) % step == 0 and abs(in_steps(amount, step) - amount) * 2 <= step
