from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.model.records import Eligibility, MachineState
from fleet_cluster.fleet.scheduler.rebalance import rebalance
from fleet_cluster.fleet.scheduler.schedule import Job, Plan, schedule
from tests.unit.fleet.clusters import instances, job, machine, machines, numbers, spread

MANY, FEW = 40, 3
"""So many instances that all nodes are ranked for them, and so few that they are not."""


def zones(*names: str) -> list[MachineState]:
    return [machine(n, zone=name) if name else machine(n) for n, name in enumerate(names, start=1)]


def by_zone(plan: Plan, among: list[MachineState], template: str = "t@") -> Mapping[str, int]:
    zone = {one.id: one.metadata.get("zone", "") for one in among}
    return Counter(zone[at] for name, at in plan.placements.items() if name.startswith(template))


def loaded(units: int, among: list[MachineState]) -> tuple[list[Job], dict[str, str]]:
    """So many units on each of these machines."""
    jobs = [job(f"u{n}-{one.hostname}") for n in range(units) for one in among]
    return jobs, {one.name: at.id for one, at in zip(jobs, among * units, strict=True)}


@pytest.mark.parametrize("count", [4, 8])
def test_a_template_that_grows_is_not_put_on_the_empty_machines_alone(count: int) -> None:
    others, there = loaded(9, machines(count - 2))
    plan = schedule([*others, *instances("t", count)], machines(count), there)
    assert spread(plan, "t@", count) == [1] * count


@given(
    st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=8),
    st.lists(st.integers(0, 4), min_size=8, max_size=8),
    st.integers(1, 20),
    st.integers(0, 20),
)
def test_instances_are_even_over_zones_and_then_over_their_machines(
    names: list[str], loads: list[int], first: int, more: int
) -> None:
    among = zones(*names)
    others = [job(f"u{n}-{k}") for n, load in enumerate(loads[: len(among)]) for k in range(load)]
    current = {one.name: among[int(one.name[1:].split("-")[0])].id for one in others}
    jobs = instances("t", first + more)
    before = schedule([*others, *jobs[:first]], among, current)
    after = schedule([*others, *jobs], among, before.placements)
    assert before.placements.items() <= after.placements.items()
    for plan in (before, after):
        per_zone = by_zone(plan, among)
        assert max(per_zone.values()) - min(per_zone[zone] for zone in names) <= 1
        on = Counter(at for name, at in plan.placements.items() if name.startswith("t@"))
        for zone in names:
            counts = [on[one.id] for one in among if one.metadata.get("zone", "") == zone]
            assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("count", [2, MANY])
def test_of_machines_with_equally_many_the_one_with_the_fewest_units_is_chosen(count: int) -> None:
    others, there = loaded(5, machines(1))
    plan = schedule([*others, *instances("t", count + 1)], machines(count), there)
    assert Counter(spread(plan, "t@", count)) == {1: count - 1, 2: 1}
    assert spread(plan, "t@", count)[0] == 1


def test_another_key_than_zone_may_be_spread_over() -> None:
    among = [machine(n, zone="abc"[n - 1], rack="1" if n < 3 else "2") for n in range(1, 4)]
    plan = schedule(instances("t", 4, "Spread=rack"), among, {})
    assert spread(plan, "t@", 3) == [1, 1, 2]


def test_what_is_no_instance_goes_where_the_fewest_units_are() -> None:
    others, there = loaded(3, machines(1))
    among = zones("a", "a", "b")
    more = [job(f"x{n}") for n in range(6)]
    assert spread(schedule([*others, *more], among, there), "x", 3) == [0, 3, 3]


def test_a_zone_that_is_full_or_cordoned_is_passed_over() -> None:
    among = zones("a", "b", "b")
    jobs = instances("t", 5, "MaxPerMachine=2")
    assert spread(schedule(jobs, among, {}), "t@", 3) == [2, 2, 1]
    cordoned = {among[0].id: Eligibility()}
    assert spread(schedule(jobs[:4], among, {}, cordoned), "t@", 3) == [0, 2, 2]


@pytest.mark.parametrize("count", [FEW, MANY])
def test_no_machine_has_more_instances_than_its_maximum(count: int) -> None:
    plan = schedule(instances("t", count, "MaxPerMachine=1"), machines(2), {})
    assert spread(plan, "t@", 2) == [1, 1]
    assert set(plan.unplaced["t@3.service"].values()) == {
        "has 1 of t@.service already, and MaxPerMachine=1"
    }


def test_instances_beyond_a_maximum_that_is_new_move() -> None:
    jobs, among = instances("t", 3, "MaxPerMachine=2"), machines(2)
    plan = schedule(jobs, among, {one.name: among[0].id for one in jobs})
    assert numbers(plan) == {"t@1": 1, "t@2": 1, "t@3": 2}


@pytest.mark.parametrize("options", [("SoftConflicts=db.service", ""), ("", "SoftConflicts=a@*")])
def test_units_that_had_better_not_be_together_are_not_where_there_is_a_choice(
    options: tuple[str, str],
) -> None:
    among = machines(3)
    db = job("db", options[1])
    busy, there = loaded(4, among[1:])
    current = {**there, db.name: among[0].id}
    plan = schedule([*busy, db, *instances("a", 4, options[0])], among, current)
    assert spread(plan, "a@", 3) == [0, 2, 2]
    alone = schedule([db, *instances("a", 4, options[0])], among[:1], current)
    assert spread(alone, "a@", 1) == [4], "without a choice it is no reason"


def test_rebalance_crowds_no_zone_and_minds_soft_conflicts() -> None:
    among = zones("a", "b")
    here, there = (one.id for one in among)
    stay = [job(f"x{n}") for n in range(3)]
    jobs = [*instances("t", 2), *stay, job("db", "SoftConflicts=x*")]
    current = {one.name: here for one in jobs} | {"t@2.service": there, "db.service": there}
    assert rebalance(jobs, among, current).relocations == []
    free = [*jobs, job("z")]
    steps = rebalance(free, among, {**current, "z.service": here}).relocations
    assert [step.unit for step in steps] == ["z.service"]


def test_why_an_instance_is_where_it_is() -> None:
    among = zones("a", "b", "b")
    plan = schedule(instances("t", 2), among, {})
    told = plan.explanations["t@2.service"]
    assert told.reason == (
        "of those that fit, it has the fewest of t@.service in zone=b: 0, on it: 0, then units: 0"
    )
    assert told.rejections[among[0].id] == (
        "it fits, with 1 unit; of t@.service in zone=a: 1, on it: 1"
    )
