from collections.abc import Sequence
from dataclasses import replace

from fleet_cluster.fleet.model.records import Eligibility, MachineState, Move
from fleet_cluster.fleet.scheduler.rebalance import rebalance
from fleet_cluster.fleet.scheduler.schedule import Job, schedule
from fleet_cluster.fleet.unitfiles.resources import WHOLE, Resources
from fleet_cluster.fleet.unitfiles.unitfile import Requirements
from tests.unit.fleet.clusters import instances, job, machine, machines, numbers, spread

G = 1 << 30


def sized(*memory: float, cpus: float = 0.0) -> list[MachineState]:
    """Machines with so many GiB of memory each; 0: they do not tell."""
    return [
        replace(machine(n), memory=int(size * G), cpus=cpus)
        for n, size in enumerate(memory, start=1)
    ]


def test_what_fits_nowhere_is_refused_with_the_numbers() -> None:
    jobs = [job("a", "Memory=700M"), job("b", "Memory=1.5G"), job("c", "Memory=500M", "CPUs=2")]
    plan = schedule(jobs, sized(1, 2, cpus=1), {})
    assert numbers(plan) == {"a": 1, "b": 2}
    assert list(plan.unplaced["c.service"].values()) == [
        "memory: 500M wanted, 324M of 1G not reserved; CPUs: 2 wanted, 1 of 1 not reserved",
        "CPUs: 2 wanted, 1 of 1 not reserved",
    ]


def test_a_share_is_of_each_machines_own_memory() -> None:
    half = Requirements(resources=Resources(share=WHOLE // 2))
    jobs = [Job(f"t@{n}.service", half) for n in range(6)]
    assert spread(schedule(jobs, sized(1, 4), {}), "t", 2) == [2, 2]
    jobs = [Job("half.service", half), *instances("t", 9, "Memory=1G")]
    there = {"half.service": machine(1).id}
    assert numbers(schedule(jobs, sized(4), there)).keys() == {"half", "t@1", "t@2"}


def test_a_machine_of_the_version_before_refuses_nothing() -> None:
    assert spread(schedule(instances("t", 5, "Memory=1G"), sized(1, 0), {}), "t", 2) == [1, 4]


def test_no_unit_that_runs_is_moved_for_room() -> None:
    jobs, among = instances("t", 4, "Memory=1G"), sized(2, 2)
    there = {one.name: among[0].id for one in jobs}
    assert schedule(jobs, among, there).placements == there
    more = [*jobs, job("new", "Memory=1G"), job("free")]
    assert numbers(schedule(more, among[:1], there)).keys() == {*numbers_of(jobs), "free"}


def numbers_of(jobs: Sequence[Job]) -> set[str]:
    return {one.name.removesuffix(".service") for one in jobs}


def test_the_largest_units_are_placed_first() -> None:
    jobs = [*instances("a", 2, "Memory=1G"), job("z", "Memory=3G")]
    assert numbers(schedule(jobs, sized(2, 3), {})) == {"a@1": 1, "a@2": 1, "z": 2}


def test_a_unit_goes_where_its_followers_have_room_too() -> None:
    jobs = [job("a", "Memory=1G"), job("b", "Memory=1G", "MachineOf=a.service")]
    assert numbers(schedule(jobs, sized(1, 2), {})) == {"a": 2, "b": 2}
    plan = schedule(jobs, sized(1), {})
    assert numbers(plan) == {"a": 1}
    assert list(plan.unplaced["b.service"].values()) == ["memory: 1G wanted, 0 of 1G not reserved"]


def test_global_units_have_their_part_ahead_of_those_that_come_with_them() -> None:
    jobs = [job("all", "Global=true", "Memory=512M"), *instances("t", 4, "Memory=512M")]
    plan = schedule(jobs, sized(1, 1), {})
    assert len(plan.global_placements["all.service"]) == 2
    assert spread(plan, "t", 2) == [1, 1]


def test_a_global_unit_is_refused_where_others_were_before_and_stays_where_it_is() -> None:
    among = sized(1, 1)
    jobs = [job("all", "Global=true", "Memory=512M"), job("a", "Memory=1G")]
    there = {"a.service": among[0].id}
    new = schedule(jobs, among, there)
    assert new.global_placements["all.service"] == {among[1].id}
    everywhere = {"all.service": {one.id for one in among}}
    old = schedule(jobs, among, there, everywhere=everywhere)
    assert old.global_placements == everywhere and old.placements == there


def test_a_unit_that_replaces_another_takes_its_room() -> None:
    among = sized(1)
    jobs = [job("old", "Memory=1G"), job("new", "Memory=1G", "Replaces=old.service")]
    plan = schedule(jobs, among, {"old.service": among[0].id})
    assert numbers(plan) == {"new": 1}


def test_a_unit_that_replaces_a_global_one_takes_its_room() -> None:
    jobs = [job("all", "Global=true", "Memory=1G"), job("new", "Memory=1G", "Replaces=all.service")]
    plan = schedule(jobs, sized(1, 1), {})
    assert numbers(plan) == {"new": 1}
    assert plan.global_placements["all.service"] == {machine(2).id}


def test_nothing_is_kept_for_a_global_unit_that_conflicts_with_another() -> None:
    jobs = [
        job("all", "Global=true"),
        job("other", "Global=true", "Memory=1G", "Conflicts=all.service"),
        job("unit", "Memory=1G"),
    ]
    plan = schedule(jobs, sized(1), {})
    assert plan.global_placements["all.service"] and not plan.global_placements["other.service"]
    assert numbers(plan) == {"unit": 1}


def test_a_drained_unit_goes_only_where_it_and_its_followers_have_room() -> None:
    among = sized(2, 1)
    jobs = [job("a", "Memory=1G"), job("b", "Memory=1G", "MachineOf=a.service")]
    there = {one.name: among[0].id for one in jobs}
    plan = schedule(jobs, among, there, {among[0].id: Eligibility(draining=True)})
    assert plan.placements == there
    assert plan.stuck["a.service"] == {
        among[1].id: "with what follows it, memory: 2G wanted, 1G of 1G not reserved"
    }


def test_a_unit_that_moves_has_its_part_of_both_machines() -> None:
    among = sized(1, 1)
    among[0] = replace(among[0], metadata={"disk": "ssd"})
    jobs = [job("a", "Memory=1G"), job("b", "Memory=1G", "MachineMetadata=disk=ssd")]
    move = {"a.service": Move(among[0].id, among[1].id)}
    plan = schedule(jobs, among, {"a.service": among[0].id}, None, move)
    assert numbers(plan) == {"a": 2} and "b.service" in plan.unplaced


def test_rebalance_moves_nothing_to_where_it_has_no_room() -> None:
    among = sized(4, 1)
    jobs = instances("t", 4, "Memory=1G")
    steps = rebalance(jobs, among, {one.name: among[0].id for one in jobs}).relocations
    assert [step.move.destination for step in steps] == [among[1].id]


def test_who_reserves_nothing_is_refused_nowhere() -> None:
    jobs = [job("a", "Memory=1G"), job("b"), job("c", "Memory=0", "CPUs=0")]
    assert numbers(schedule(jobs, sized(1), {})).keys() == {"a", "b", "c"}
    assert spread(schedule(instances("t", 4), machines(2), {}), "t", 2) == [2, 2]


def test_nothing_moves_to_where_a_global_unit_has_the_room() -> None:
    among = sized(1, 1)
    jobs = [job("a", "Memory=1G"), job("all", "Global=true", "Memory=1G")]
    here, there = (one.id for one in among)
    move = {"a.service": Move(here, there)}
    everywhere = {"all.service": {there}}
    plan = schedule(jobs, among, {"a.service": here}, None, move, everywhere)
    assert numbers(plan) == {"a": 1} and plan.global_placements == everywhere


def test_a_unit_moves_only_to_where_it_has_room_beside_a_global_one_that_comes_along() -> None:
    among = sized(1, 2)
    follower = job("a", "Memory=512M", "MachineOf=all.service")
    jobs = [follower, job("all", "Global=true", "Memory=768M")]
    here, there = (one.id for one in reversed(among))
    move = {"a.service": Move(here, there)}
    plan = schedule(jobs, among, {"a.service": here}, None, move, {"all.service": {here}})
    assert numbers(plan) == {"a": 2}


def test_nothing_moves_to_where_what_follows_another_that_is_to_move_has_the_room() -> None:
    among = sized(1, 1, 1)
    among[:2] = [replace(one, metadata={"disk": "ssd"}) for one in among[:2]]
    jobs = [
        job("a"),
        job("b", "Memory=1G", "MachineOf=a.service"),
        job("c", "Memory=1G", "MachineMetadata=disk=ssd"),
    ]
    first, second = (one.id for one in among[:2])
    there = {"a.service": first, "b.service": first, "c.service": second}
    moves = {"a.service": Move(first, second), "c.service": Move(second, first)}
    assert schedule(jobs, among, there, None, moves).placements == there
