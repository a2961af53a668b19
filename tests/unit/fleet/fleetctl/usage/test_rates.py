"""Rates between two readings."""

from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.usage.rates import (
    Counters,
    Reading,
    machine_usage,
    thousandths,
    unit_usages,
)
from fleet_cluster.fleet.fleetctl.usage.sample import MachineUsage, UnitUsage

MIB = 1 << 20
MACHINE = MachineUsage(0, 300 * MIB)


def reading(at: float, cpu: float = 0.0, **units: Counters) -> Reading:
    return Reading(at, MACHINE, cpu, units)


def test_half_a_second_in_two_is_a_quarter_of_a_processor() -> None:
    before = reading(10, 100, a=Counters({"unit": 7.0}, MIB))
    now = reading(12, 103, a=Counters({"unit": 7.5}, 2 * MIB))
    assert unit_usages(before, now) == {"a": UnitUsage(250, 2 * MIB)}
    assert machine_usage(before, now) == MachineUsage(1500, 300 * MIB)


def test_containers_and_processes_that_have_begun_count_from_their_start() -> None:
    before = reading(0, a=Counters({"unit": 1.0, "container x": 50.0}))
    now = reading(1, a=Counters({"unit": 1.0, "container y": 0.5}))
    assert unit_usages(before, now) == {"a": UnitUsage(500, None)}


def test_what_began_anew_counts_nothing_backwards() -> None:
    before, now = reading(0, a=Counters({"unit": 9.0})), reading(1, a=Counters({"unit": 0.1}))
    assert unit_usages(before, now) == {"a": UnitUsage(0, None)}


def test_of_what_was_not_seen_before_or_is_not_counted_nothing_is_said() -> None:
    known, unknown = Counters({"unit": 90.0}, MIB), Counters(None, None)
    assert unit_usages(reading(0), reading(1, a=known)) == {"a": UnitUsage(None, MIB)}
    assert unit_usages(reading(0, a=unknown), reading(1, a=known)) == {"a": UnitUsage(None, MIB)}
    assert unit_usages(reading(0, a=known), reading(1, a=unknown)) == {"a": UnitUsage(None, None)}
    assert unit_usages(reading(0, a=known), reading(1)) == {}


seconds = st.floats(0, 1e6, allow_nan=False)
parts = st.dictionaries(st.sampled_from(["unit", "process 1", "process 2"]), seconds)


@given(parts, parts, st.floats(0, 100))
def test_a_share_is_never_below_nothing(
    before: dict[str, float], now: dict[str, float], passed: float
) -> None:
    told = unit_usages(reading(5, a=Counters(before)), reading(5 + passed, a=Counters(now)))
    cpu = told["a"].cpu
    assert cpu is not None and cpu >= 0


def test_without_time_there_is_no_share() -> None:
    assert thousandths(1.0, 0.0) == 0
