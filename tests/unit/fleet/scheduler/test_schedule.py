from dataclasses import replace

import pytest

from fleet_cluster.fleet.model.records import Eligibility
from fleet_cluster.fleet.scheduler.schedule import Job, Plan, schedule
from tests.unit.fleet.clusters import instances, job, machine, machines, numbers, spread

ID = {number: machine(number).id for number in range(1, 10)}


def reasons(plan: Plan, name: str) -> dict[int, str]:
    """Why a unit is on no machine, by the machines' numbers."""
    return {int(id[:8]): reason for id, reason in plan.unplaced[f"{name}.service"].items()}


def test_nothing_to_place() -> None:
    assert schedule([], machines(2), {"gone.service": ID[1]}) == Plan()


def test_without_machines_all_is_unplaced() -> None:
    jobs = [job("web"), job("nginx", "Global=true")]
    assert schedule(jobs, [], {"web.service": ID[1]}) == Plan(
        placements={},
        global_placements={"nginx.service": frozenset()},
        unplaced={"nginx.service": {}, "web.service": {}},
    )


def test_least_loaded_first_then_lowest_id() -> None:
    assert numbers(schedule([job("a"), job("b"), job("c")], machines(2), {})) == {
        "a": 1,
        "b": 2,
        "c": 1,
    }


def test_eleven_instances_on_three_machines() -> None:
    plan = schedule(instances("sinatra", 11), machines(3), {})
    assert spread(plan, "sinatra@", 3) == [4, 4, 3]


@pytest.mark.parametrize("where", [1, 2, 3])
def test_scaling_from_two_to_eleven_beside_another_unit(where: int) -> None:
    def cluster(count: int) -> list[Job]:
        follower = "MachineOf=sinatra@%i.service"
        return [
            job("hello"),
            job("nginx", "Global=true"),
            *instances("sinatra", count),
            *instances("sinatra-discovery", count, follower),
        ]

    two = schedule(cluster(2), machines(3), {"hello.service": ID[where]})
    eleven = schedule(cluster(11), machines(3), two.placements)
    assert sorted(spread(eleven, "sinatra@", 3)) == [3, 4, 4]
    assert spread(eleven, "sinatra-discovery@", 3) == spread(eleven, "sinatra@", 3)
    assert two.placements.items() <= eleven.placements.items()


def test_sick_machine_gets_no_new_unit_and_keeps_what_it_has() -> None:
    sick, well = replace(machine(1), trouble="Docker is down"), machine(2)
    jobs = [job("a"), job("b"), job("c", "MachineMetadata=none=here"), job("d", "Global=true")]
    plan = schedule(jobs, [sick, well], {"a.service": ID[1]})
    assert numbers(plan) == {"a": 1, "b": 2}
    assert plan.global_placements["d.service"] == {ID[1], ID[2]}
    alone = schedule([job("a"), job("b")], [sick], {"a.service": ID[1]})
    assert numbers(alone) == {"a": 1}
    assert reasons(alone, "b") == {1: "sick: Docker is down"}


def test_units_of_a_lost_machine_are_spread_and_do_not_come_back() -> None:
    jobs = instances("web", 9)
    before = schedule(jobs, machines(3), {})
    during = schedule(jobs, machines(2), before.placements)
    after = schedule(jobs, machines(3), during.placements)
    assert spread(before, "web@", 3) == [3, 3, 3]
    assert spread(during, "web@", 3) == [5, 4, 0]
    assert after == during


def test_machine_id() -> None:
    wanted = f"MachineID={ID[2]}"
    assert numbers(schedule([job("a"), job("b", wanted)], machines(3), {}))["b"] == 2
    plan = schedule([job("a", f"MachineID={ID[9]}")], machines(2), {"a.service": ID[1]})
    assert reasons(plan, "a") == {1: "is not machine 00000009...", 2: "is not machine 00000009..."}


def test_a_unit_with_one_choice_is_served_before_units_with_more() -> None:
    jobs = [job("a", "Conflicts=*"), job("b", f"MachineID={ID[1]}"), job("c", "Conflicts=*")]
    plan = schedule(jobs, machines(3), {})
    assert numbers(plan) == {"a": 2, "b": 1, "c": 3}


METADATA = [
    machine(1, role="web", disk="ssd"),
    machine(2, role="db", disk="ssd"),
    machine(3, role="web"),
]


def test_metadata_same_key_is_or_different_keys_is_and() -> None:
    def where(*options: str) -> list[int]:
        plan = schedule([job("a", "Global=true", *options)], METADATA, {})
        return sorted(int(id[:8]) for id in plan.global_placements["a.service"])

    assert where("MachineMetadata=role=web") == [1, 3]
    assert where("MachineMetadata=role=web", "MachineMetadata=role=db") == [1, 2, 3]
    assert where("MachineMetadata=role=web disk=ssd") == [1]
    assert where("MachineMetadata=role=db role=web disk=ssd") == [1, 2]


def test_reasons_of_metadata() -> None:
    plan = schedule([job("a", "MachineMetadata=role=api role=db disk=hdd")], METADATA, {})
    assert reasons(plan, "a") == {
        1: "metadata disk=hdd wanted, machine has disk=ssd",
        2: "metadata disk=hdd wanted, machine has disk=ssd",
        3: "metadata disk=hdd wanted, machine has no disk",
    }
    plan = schedule([job("a", "MachineMetadata=role=api role=cache")], METADATA[:1], {})
    assert reasons(plan, "a") == {1: "metadata role=api or role=cache wanted, machine has role=web"}


def test_a_unit_moves_when_its_machine_no_longer_has_the_metadata() -> None:
    jobs = [job("a", "MachineMetadata=role=web")]
    before = schedule(jobs, [machine(1, role="web"), machine(2, role="web")], {})
    after = schedule(jobs, [machine(1, role="db"), machine(2, role="web")], before.placements)
    assert (numbers(before), numbers(after)) == ({"a": 1}, {"a": 2})


def test_conflicts_bind_both_sides() -> None:
    shy = job("shy", "Conflicts=web*.service")
    plan = schedule([shy, job("web")], machines(1), {"shy.service": ID[1]})
    assert reasons(plan, "web") == {1: "conflicts with shy.service, which runs there"}
    plan = schedule([shy, job("web")], machines(1), {"web.service": ID[1]})
    assert reasons(plan, "shy") == {1: "conflicts with web.service, which runs there"}


def test_instances_that_keep_clear_of_each_other() -> None:
    plan = schedule(instances("web", 4, "Conflicts=%p@*.service"), machines(3), {})
    assert spread(plan, "web@", 3) == [1, 1, 1]
    assert reasons(plan, "web@4") == {
        1: "conflicts with web@1.service, which runs there",
        2: "conflicts with web@2.service, which runs there",
        3: "conflicts with web@3.service, which runs there",
    }


def test_a_unit_that_fits_nowhere_does_not_keep_a_like_one_from_its_place() -> None:
    jobs = [job("a"), job("b"), job("shy", "Conflicts=a.service")]
    plan = schedule(jobs, machines(1), {"shy.service": ID[1]})
    assert numbers(plan) == {"b": 1, "shy": 1}


def test_of_two_units_that_now_conflict_one_stays() -> None:
    jobs = [job("a", "Conflicts=b.service"), job("b")]
    plan = schedule(jobs, machines(2), {"a.service": ID[1], "b.service": ID[1]})
    assert numbers(plan) == {"a": 1, "b": 2}


def test_who_has_followers_stays_before_who_has_none() -> None:
    jobs = [job("a"), job("b"), job("c", "MachineOf=b.service", "Conflicts=a.service")]
    together = {f"{name}.service": ID[1] for name in "abc"}
    assert numbers(schedule(jobs, machines(2), together)) == {"a": 2, "b": 1, "c": 1}


def test_followers_move_with_their_peer() -> None:
    jobs = [job("app"), job("log", "MachineOf=app.service"), job("top", "MachineOf=log.service")]
    before = {"app.service": ID[1], "log.service": ID[1], "top.service": ID[1]}
    after = schedule(jobs, [machine(2), machine(3)], before)
    assert numbers(after) == {"app": 2, "log": 2, "top": 2}


def test_a_new_follower_comes_before_new_units_that_conflict_with_it() -> None:
    ssd = [machine(1, disk="ssd"), machine(2, disk="ssd"), machine(3)]
    jobs = [
        *(job("app"), job("db-1"), job("db-2")),
        job("log", "MachineOf=app.service"),
        job("shy", "MachineMetadata=disk=ssd", "Conflicts=log.service"),
    ]
    where = {"app.service": ID[1], "db-1.service": ID[2], "db-2.service": ID[2]}
    plan = schedule(jobs, ssd, where)
    assert numbers(plan) == {"app": 1, "db-1": 2, "db-2": 2, "log": 1, "shy": 2}


def test_who_goes_along_comes_before_a_new_follower_that_conflicts_with_it() -> None:
    jobs = [
        job("new", "MachineOf=web.service"),
        job("old", "MachineOf=web.service", "Conflicts=new.service"),
        job("web"),
    ]
    current = {"web.service": ID[1], "old.service": ID[1]}
    draining = {ID[1]: Eligibility(draining=True)}
    plan = schedule(jobs, machines(2), current, draining)
    assert numbers(plan) == {"web": 2, "old": 2}


def test_a_peer_does_not_care_for_its_followers() -> None:
    jobs = [job("app"), job("log", "MachineOf=app.service", "MachineMetadata=disk=ssd")]
    plan = schedule(jobs, [machine(1), machine(2, disk="ssd")], {})
    assert numbers(plan) == {"app": 1}
    assert reasons(plan, "log") == {
        1: "metadata disk=ssd wanted, machine has no disk",
        2: "must be with app.service, which is on 00000001...",
    }


def test_all_peers_have_to_be_together() -> None:
    jobs = [job("a"), job("b"), job("c", "MachineOf=a.service", "MachineOf=b.service")]
    together = {"a.service": ID[2], "b.service": ID[2]}
    assert numbers(schedule(jobs, machines(2), together))["c"] == 2
    assert reasons(schedule(jobs, machines(2), {}), "c") == {
        1: "must be with b.service, which is on 00000002...",
        2: "must be with a.service, which is on 00000001...",
    }


def test_a_follower_of_a_unit_that_is_nowhere() -> None:
    jobs = [
        job("a", "MachineOf=missing.service"),
        job("b", "MachineOf=c.service"),
        job("c", f"MachineID={ID[9]}"),
    ]
    plan = schedule(jobs, machines(1), {})
    missing = "must be with missing.service, which is not scheduled: it does not exist, or is"
    assert reasons(plan, "a") == {1: f"{missing} inactive"}
    assert reasons(plan, "b") == {1: "must be with c.service, which fits on no machine itself"}


def test_followers_in_a_circle() -> None:
    circle = [job(f"a{n}", f"MachineOf=a{(n + 1) % 5}.service") for n in range(5)]
    plan = schedule([*circle, job("b", "MachineOf=a0.service")], machines(1), {})
    assert plan.placements == {}
    what = "which goes in a circle: a0.service, a1.service, a2.service and 2 more"
    assert reasons(plan, "a4") == {1: f"must be with a0.service, {what} follow each other"}
    assert reasons(plan, "b") == {1: f"must be with a0.service, {what} follow each other"}


def test_a_chain_of_followers_longer_than_pythons_stack() -> None:
    jobs = [job("a0"), *(job(f"a{n}", f"MachineOf=a{n - 1}.service") for n in range(1, 3000))]
    plan = schedule(jobs, machines(2), {})
    assert set(numbers(plan).values()) == {1}
    assert len(plan.placements) == 3000


def test_global_units_do_not_count_as_load_and_yield_to_others() -> None:
    jobs = [job("shy", "Global=true", "Conflicts=web.service"), job("nginx", "Global=true")]
    plan = schedule([*jobs, job("db"), job("web")], machines(3), {"db.service": ID[1]})
    assert numbers(plan) == {"db": 1, "web": 2}
    assert plan.global_placements == {
        "nginx.service": frozenset({ID[1], ID[2], ID[3]}),
        "shy.service": frozenset({ID[1], ID[3]}),
    }


def test_a_global_unit_that_runs_nowhere_says_why() -> None:
    plan = schedule([job("a", "Global=true", "MachineMetadata=role=api")], METADATA[:1], {})
    assert plan.global_placements == {"a.service": frozenset()}
    assert reasons(plan, "a") == {1: "metadata role=api wanted, machine has role=web"}


def test_a_follower_of_a_global_unit_is_where_that_one_runs() -> None:
    proxy = job("proxy", "Global=true", "MachineMetadata=role=db")
    follower = job("stats", "MachineOf=proxy.service")
    plan = schedule([proxy, follower], METADATA, {})
    assert numbers(plan) == {"stats": 2}
    plan = schedule([proxy, follower], METADATA[:1], {})
    assert reasons(plan, "stats") == {
        1: "must be with proxy.service, which cannot be there:"
        " metadata role=db wanted, machine has role=web"
    }


def test_a_followed_global_unit_does_not_count_as_load() -> None:
    jobs = [
        job("a"),
        job("b"),
        job("proxy", "Global=true"),
        job("stats", "MachineOf=proxy.service"),
    ]
    plan = schedule(jobs, machines(2), {"stats.service": ID[1], "b.service": ID[2]})
    assert numbers(plan) == {"a": 1, "b": 2, "stats": 1}


def test_a_global_unit_does_not_yield_where_it_is_followed() -> None:
    jobs = [
        job("proxy", "Global=true", "Conflicts=web.service"),
        job("stats", "MachineOf=proxy.service"),
        job("web"),
    ]
    plan = schedule(jobs, machines(2), {"stats.service": ID[1]})
    assert numbers(plan) == {"stats": 1, "web": 2}
    assert plan.global_placements == {"proxy.service": frozenset({ID[1]})}


def test_a_new_unit_takes_the_machine_of_the_one_it_replaces() -> None:
    jobs = [job("old"), job("log", "MachineOf=old.service")]
    before = schedule(jobs, machines(3), {"old.service": ID[2]})
    jobs = [*jobs, job("new", "Replaces=old.service")]
    after = schedule(jobs, machines(3), before.placements)
    assert numbers(after) == {"new": 2, "old": 1, "log": 1}


def test_a_unit_that_has_moved_disturbs_no_other_to_replace_it() -> None:
    jobs = [job("new", "Replaces=old.service"), job("old"), job("web"), job("db")]
    where = {"new.service": ID[1], "old.service": ID[2], "web.service": ID[3], "db.service": ID[3]}
    assert numbers(schedule(jobs, [machine(2), machine(3)], where))["new"] == 3


def test_a_replaced_unit_that_has_nowhere_to_go() -> None:
    jobs = [job("new", "Replaces=old*"), job("old")]
    plan = schedule(jobs, machines(1), {"old.service": ID[1]})
    assert numbers(plan) == {"new": 1}
    assert reasons(plan, "old") == {1: "is replaced by new.service, which runs there"}


def test_the_place_of_a_replaced_unit_is_free_for_others() -> None:
    jobs = [job("a", "Conflicts=old.service"), job("new", "Replaces=old.service"), job("old")]
    plan = schedule(jobs, machines(1), {"old.service": ID[1]})
    assert numbers(plan) == {"a": 1, "new": 1}


def test_a_machine_whose_units_were_replaced_is_less_loaded() -> None:
    followers = [job("f1", "MachineOf=old.service"), job("f2", "MachineOf=old.service")]
    jobs = [job("a"), job("b"), job("old"), *followers]
    where = {f"{name}.service": ID[1] for name in "ab"}
    before = schedule(jobs, machines(3), where | {"old.service": ID[2]})
    jobs = [*jobs, job("c"), job("new", "Replaces=old.service"), job("x")]
    after = numbers(schedule(jobs, machines(3), before.placements))
    assert (after["c"], after["new"], after["x"]) == (3, 2, 2)


@pytest.mark.parametrize(
    "jobs",
    [
        [job("a", "Replaces=b.service"), job("b", "Replaces=a.service")],
        [job("a", "Replaces=b.service"), job("b", "Replaces=c.service"), job("c", "Replaces=a*")],
        [job("a", "Replaces=b.service"), job("b"), job("c", "MachineOf=b.service", "Replaces=a*")],
        instances("a", 3, "Replaces=a@*.service"),
    ],
    ids=["pair", "three", "by a follower", "template"],
)
def test_replacing_in_a_circle_is_ignored(jobs: list[Job]) -> None:
    plan = schedule(jobs, machines(1), {})
    assert plan.placements == {job.name: ID[1] for job in jobs}


def test_a_unit_that_replaces_by_a_pattern_does_not_replace_itself() -> None:
    plan = schedule([job("app-2", "Replaces=app*"), job("app-1")], machines(2), {})
    assert numbers(plan) == {"app-1": 2, "app-2": 1}
