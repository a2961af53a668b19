from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.model.records import Eligibility, Move
from fleet_cluster.fleet.scheduler.schedule import Job, Plan, schedule
from fleet_cluster.fleet.unitfiles.unitfile import Requirements
from tests.unit.fleet.any_cluster import Cluster, Judge, clusters
from tests.unit.fleet.clusters import machines, spread

counts = st.integers(min_value=1, max_value=8)
many = st.integers(min_value=0, max_value=40)


@given(clusters())
def test_no_requirement_is_broken(cluster: Cluster) -> None:
    plan = schedule(cluster.jobs, cluster.machines, cluster.current)
    judge = Judge(cluster, plan)
    for id, names in judge.on.items():
        assert not [name for name in names if judge.objects(name, id)]


@given(clusters())
def test_every_unit_is_placed_or_has_a_reason_for_each_machine(cluster: Cluster) -> None:
    plan = schedule(cluster.jobs, cluster.machines, cluster.current)
    judge = Judge(cluster, plan)
    placed = {*plan.placements, *(name for name, ids in plan.global_placements.items() if ids)}
    assert placed.isdisjoint(plan.unplaced)
    assert placed | plan.unplaced.keys() == judge.jobs.keys()
    for name, reasons in plan.unplaced.items():
        assert reasons.keys() == judge.machines.keys()
        assert all(reasons.values())
        assert all(judge.objects(name, id) for id in reasons)


@given(clusters())
def test_global_units_are_wherever_they_may_be(cluster: Cluster) -> None:
    plan = schedule(cluster.jobs, cluster.machines, cluster.current)
    judge = Judge(cluster, plan)
    assert plan.global_placements == {
        name: {id for id in judge.machines if not judge.objects(name, id)}
        for name, wanted in judge.jobs.items()
        if wanted.is_global
    }


@given(clusters(can_replace=False))
def test_no_unit_moves_whose_machine_is_alive_and_allowed(cluster: Cluster) -> None:
    plan = schedule(cluster.jobs, cluster.machines, cluster.current)
    judge = Judge(cluster, plan)
    for name, id in cluster.current.items():
        if name in judge.jobs and id in judge.machines and not judge.jobs[name].is_global:
            assert plan.placements.get(name) == id or judge.objects(name, id)


@given(clusters())
def test_the_plan_of_a_plan_is_the_same(cluster: Cluster) -> None:
    plan = schedule(cluster.jobs, cluster.machines, cluster.current)
    again = schedule(
        cluster.jobs, cluster.machines, plan.placements, everywhere=plan.global_placements
    )
    assert again == plan


@given(clusters(), st.integers())
def test_the_order_of_the_input_does_not_matter(cluster: Cluster, seed: int) -> None:
    plan = schedule(cluster.jobs, cluster.machines, cluster.current)
    random = Random(seed)
    current = list(cluster.current.items())
    for shuffled in (cluster.jobs, cluster.machines, current):
        random.shuffle(shuffled)
    assert schedule(cluster.jobs, cluster.machines, dict(current)) == plan


@given(clusters(can_replace=False), st.randoms(use_true_random=False))
def test_a_lost_machine_moves_only_its_own_units(cluster: Cluster, random: Random) -> None:
    before = schedule(cluster.jobs, cluster.machines, cluster.current)
    rest = [machine for machine in cluster.machines if random.random() < 0.7]
    alive = {machine.id for machine in rest}
    after = schedule(cluster.jobs, rest, before.placements)
    for name, id in before.placements.items():
        assert id not in alive or after.placements[name] == id


@given(many, many, counts)
def test_free_units_are_balanced_within_one_also_when_scaled(
    first: int, more: int, count: int
) -> None:
    jobs = [Job(f"a{number}.service", Requirements()) for number in range(first + more)]
    before = schedule(jobs[:first], machines(count), {})
    after = schedule(jobs, machines(count), before.placements)
    for plan in (before, after):
        loads = spread(plan, "a", count)
        assert max(loads) - min(loads) <= 1
    assert before.placements.items() <= after.placements.items()


@given(many, many, counts, st.booleans())
def test_units_and_their_followers_are_each_balanced_within_one(
    first: int, more: int, count: int, with_another: bool
) -> None:
    followed = [Job(f"a@{number}.service", Requirements()) for number in range(first + more)]
    followers = [
        Job(f"b@{number}.service", Requirements(machine_of=(f"a@{number}.service",)))
        for number in range(first + more)
    ]
    other = [Job("hello.service", Requirements())] if with_another else []
    before = schedule([*followed[:first], *followers[:first], *other], machines(count), {})
    after = schedule([*followed, *followers, *other], machines(count), before.placements)
    for plan in (before, after):
        loads = spread(plan, "a@", count)
        assert max(loads) - min(loads) <= 1
        assert spread(plan, "b@", count) == loads


def marked(cluster: Cluster, random: Random) -> dict[str, Eligibility]:
    """Some machines cordoned, some drained."""
    drawn = {
        machine.id: random.choice(["", "cordoned", "draining"]) for machine in cluster.machines
    }
    return {id: Eligibility(draining=drawn[id] == "draining") for id in drawn if drawn[id]}


def may_go(cluster: Cluster, before: Plan, plan: Plan, name: str, on: str) -> bool:
    """Whether a unit, and all that follow it, could as well be on this machine, by the judge."""
    if any(job.requirements.is_global for job in cluster.jobs):
        return False  # Some of them yield to it and some do not; the judge knows no order.
    group = {name}
    for _ in cluster.jobs:
        group |= {job.name for job in cluster.jobs if group & {*job.requirements.machine_of}}
    group &= plan.placements.keys()
    there = replace(plan, placements={**plan.placements, **dict.fromkeys(group, on)})
    judge = Judge(cluster, there, before.placements)
    return not any(judge.objects(one, on) for one in judge.on[on])


@given(st.lists(st.integers(0, 4), min_size=5, max_size=20), st.randoms(use_true_random=False))
def test_free_units_leave_drained_machines_and_no_other(places: list[int], random: Random) -> None:
    cluster = Cluster([], machines(5))
    current = {f"a{n}.service": cluster.machines[at].id for n, at in enumerate(places)}
    marks = marked(cluster, random)
    draining = {id for id, mark in marks.items() if mark.draining}
    jobs = [Job(name, Requirements()) for name in current]
    after = schedule(jobs, cluster.machines, current, marks).placements
    open_machines = {machine.id for machine in cluster.machines} - marks.keys()
    for name, id in current.items():
        leaves = id in draining and open_machines
        assert after[name] in open_machines if leaves else after[name] == id


@given(clusters(can_replace=False, units=3, alive=2), st.randoms(use_true_random=False))
def test_a_drained_machine_is_empty_or_has_a_reason_for_each_unit(
    cluster: Cluster, random: Random
) -> None:
    before = schedule(cluster.jobs, cluster.machines, cluster.current)
    marks = marked(cluster, random)
    plan = schedule(cluster.jobs, cluster.machines, before.placements, marks)
    judge = Judge(cluster, plan, before.placements)
    for name, id in plan.placements.items():
        was = before.placements.get(name)
        assert not judge.objects(name, id)
        if id in marks and marks[id].draining:
            reasons = plan.stuck[name]
            assert reasons.keys() == judge.machines.keys() - {id} and all(reasons.values())
            assert not [
                on
                for on in judge.machines.keys() - marks
                if may_go(cluster, before, plan, name, on)
            ]
        if id in marks:
            assert was == id or judge.jobs[name].machine_of
    for name, id in before.placements.items():
        assert name in plan.placements, f"{name} was stopped on {id}"
        if id not in marks and not judge.jobs[name].machine_of:
            assert plan.placements[name] == id, "units of other machines stay"


@given(clusters(can_replace=False), st.randoms(use_true_random=False))
def test_the_plan_of_a_plan_with_marks_is_the_same(cluster: Cluster, random: Random) -> None:
    before = schedule(cluster.jobs, cluster.machines, cluster.current)
    marks = marked(cluster, random)
    plan = schedule(cluster.jobs, cluster.machines, before.placements, marks)
    again = schedule(
        cluster.jobs,
        cluster.machines,
        plan.placements,
        marks,
        everywhere=plan.global_placements,
    )
    assert again == plan


@given(clusters(units=4, alive=2), st.randoms(use_true_random=False))
def test_moves_cost_no_unit_its_place(cluster: Cluster, random: Random) -> None:
    before = schedule(cluster.jobs, cluster.machines, cluster.current)
    where = before.placements
    moves = {
        name: Move(where[name], random.choice(cluster.machines).id)
        for name in where
        if random.random() < 0.5
    }
    after = schedule(cluster.jobs, cluster.machines, where, None, moves)
    assert where.keys() <= after.placements.keys()
    judge = Judge(cluster, after, where)
    for id, names in judge.on.items():
        assert not [name for name in names if judge.objects(name, id)]
