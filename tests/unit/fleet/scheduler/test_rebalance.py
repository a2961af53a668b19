from collections.abc import Mapping
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.model.records import Eligibility, MachineState, Move
from fleet_cluster.fleet.scheduler.rebalance import Rebalancing, Relocation, rebalance
from fleet_cluster.fleet.scheduler.schedule import Job, schedule
from fleet_cluster.fleet.unitfiles.unitfile import Requirements
from tests.unit.fleet.any_cluster import Cluster, Judge, clusters
from tests.unit.fleet.clusters import instances, job, machine, machines

randoms = st.randoms(use_true_random=False)
ID = {number: machine(number).id for number in range(1, 10)}


@st.composite
def uneven(draw: st.DrawFn, *, can_replace: bool = True, with_global: bool = True) -> Cluster:
    """A cluster whose units are where they belong: all that fit on the first machines."""
    drawn = draw(clusters(can_replace=can_replace, units=5, alive=2))
    jobs = [one for one in drawn.jobs if with_global or not one.requirements.is_global]
    first = drawn.machines[: draw(st.integers(1, 2))]
    crowded = schedule(jobs, first, drawn.current).placements
    return Cluster(jobs, drawn.machines, schedule(jobs, drawn.machines, crowded).placements)


def marked(cluster: Cluster, random: Random) -> dict[str, Eligibility]:
    """Some machines cordoned, some drained, and their units not away yet."""
    drawn = {one.id: random.choice(["", "", "cordoned", "draining"]) for one in cluster.machines}
    return {id: Eligibility(draining=drawn[id] == "draining") for id in drawn if drawn[id]}


def planned(cluster: Cluster, marks: Mapping[str, Eligibility] | None = None) -> Rebalancing:
    return rebalance(cluster.jobs, cluster.machines, cluster.current, marks)


def moves(steps: list[Relocation]) -> dict[str, Move]:
    return {step.unit: step.move for step in steps}


def travellers(step: Relocation) -> tuple[str, ...]:
    return (step.unit, *step.followers)


def moved(current: Mapping[str, str], steps: list[Relocation]) -> dict[str, str]:
    """Where all units are after these steps."""
    there = {name: step.move.destination for step in steps for name in travellers(step)}
    return {**current, **there}


def loads(where: Mapping[str, str], among: list[MachineState]) -> list[int]:
    return [list(where.values()).count(machine.id) for machine in among]


@given(uneven(), randoms)
def test_no_requirement_is_broken(cluster: Cluster, random: Random) -> None:
    before = schedule(cluster.jobs, cluster.machines, cluster.current)
    marks = {id: mark for id, mark in marked(cluster, random).items() if not mark.draining}
    steps = planned(cluster, marks).relocations
    after = replace(before, placements=moved(before.placements, steps))
    judge = Judge(cluster, after)
    for id, names in judge.on.items():
        assert not [name for name in names if judge.objects(name, id)]


@given(uneven(can_replace=False), randoms)
def test_the_leader_takes_each_step_whichever_others_it_takes(
    cluster: Cluster, random: Random
) -> None:
    marks = marked(cluster, random)
    before = schedule(cluster.jobs, cluster.machines, cluster.current, marks)
    steps = [step for step in planned(cluster, marks).relocations if random.random() < 0.7]
    after = schedule(cluster.jobs, cluster.machines, cluster.current, marks, moves(steps))
    draining = {id for id, mark in marks.items() if mark.draining}
    resting = {
        name: id
        for name, id in before.placements.items()
        if cluster.current.get(name) == id and id not in draining
    }
    assert moved(resting, steps).items() <= after.placements.items()


@given(uneven(), randoms)
def test_marked_machines_take_no_part(cluster: Cluster, random: Random) -> None:
    marks = marked(cluster, random)
    for step in planned(cluster, marks).relocations:
        assert {step.move.origin, step.move.destination}.isdisjoint(marks)


@given(uneven())
def test_each_step_evens_out_and_who_has_given_takes_nothing(cluster: Cluster) -> None:
    where, given_away = dict(cluster.current), set[str]()
    for step in planned(cluster).relocations:
        source, target = step.move.origin, step.move.destination
        gap = list(where.values()).count(source) - list(where.values()).count(target)
        assert gap > len(travellers(step))
        assert target not in given_away
        assert {where[name] for name in travellers(step)} == {source}
        given_away.add(source)
        where = moved(where, [step])


def nobody_minds(cluster: Cluster) -> bool:
    """Whether no unit had better not be with others: that would come before even machines."""
    return not any(job.requirements.soft_conflicts for job in cluster.jobs)


@given(uneven(can_replace=False, with_global=False).filter(nobody_minds))
def test_it_does_not_end_as_long_as_one_more_may_move(cluster: Cluster) -> None:
    steps = planned(cluster).relocations
    where = moved(cluster.current, steps)
    done = {name for step in steps for name in travellers(step)}
    givers = {step.move.origin for step in steps}
    for name in cluster.current.keys() - done:
        for taker in cluster.machines:
            move = Move(where[name], taker.id)
            more = {**moves(steps), name: move}
            plan = schedule(cluster.jobs, cluster.machines, cluster.current, None, more)
            if any(plan.placements[unit] != move.destination for unit, move in more.items()):
                continue  # Refused: it may not be there, or another would lose its place.
            weight = sum(plan.placements[other] != where[other] for other in where)
            counts = list(where.values())
            gap = counts.count(move.origin) - counts.count(move.destination)
            assert not 0 < weight < gap or taker.id in givers


free_clusters = st.integers(1, 6).flatmap(
    lambda count: st.tuples(
        st.just(machines(count)),
        st.lists(st.sampled_from(list(ID.values())[:count]), max_size=40),
    )
)


@given(free_clusters)
def test_free_units_are_balanced_within_one_by_the_fewest_moves(
    drawn: tuple[list[MachineState], list[str]],
) -> None:
    among, places = drawn
    current = {f"a{number}.service": id for number, id in enumerate(places)}
    plan = rebalance([Job(name, Requirements()) for name in current], among, current)
    after = loads(moved(current, plan.relocations), among)
    assert sorted(after, reverse=True) == plan.loads
    assert max(after) - min(after) <= 1
    goal, surplus = sorted(after), sorted(loads(current, among))
    fewest = sum(max(has - wanted, 0) for has, wanted in zip(surplus, goal, strict=True))
    assert len(plan.relocations) == fewest


@given(free_clusters)
def test_units_go_with_their_followers_and_are_balanced_within_one_pair(
    drawn: tuple[list[MachineState], list[str]],
) -> None:
    among, places = drawn
    pairs = {f"a@{n}.service": f"b@{n}.service" for n in range(len(places))}
    followed = [Job(name, Requirements()) for name in pairs]
    followers = [Job(pairs[name], Requirements(machine_of=(name,))) for name in pairs]
    where = dict(zip(pairs, places, strict=True))
    current = where | {pairs[name]: id for name, id in where.items()}
    steps = rebalance([*followed, *followers], among, current).relocations
    after = moved(current, steps)
    assert all(after[name] == after[pairs[name]] for name in pairs)
    assert max(loads(after, among)) - min(loads(after, among)) <= 2
    assert len(steps) == len(rebalance(followed, among, where).relocations)


@given(uneven(), randoms)
def test_the_order_of_the_input_does_not_matter(cluster: Cluster, random: Random) -> None:
    plan = planned(cluster)
    current = list(cluster.current.items())
    for shuffled in (cluster.jobs, cluster.machines, current):
        random.shuffle(shuffled)
    assert planned(replace(cluster, current=dict(current))) == plan


@given(uneven(can_replace=False), randoms)
def test_what_is_moving_already_is_not_moved_again(cluster: Cluster, random: Random) -> None:
    steps = planned(cluster).relocations
    under_way = [step for step in steps if random.random() < 0.5]
    args = cluster.jobs, cluster.machines, cluster.current, None, moves(under_way)
    more = rebalance(*args).relocations
    going = {name for step in under_way for name in travellers(step)}
    assert going.isdisjoint(name for step in more for name in travellers(step))


def test_global_units_do_not_count_and_are_not_driven_away() -> None:
    jobs = [*instances("a", 4), job("g", "Global=true"), job("shy", "Global=true", "Conflicts=c*")]
    current = {f"a@{n}.service": ID[1] for n in range(1, 5)}
    assert rebalance(jobs, machines(2), current).loads == [2, 2]
    jobs = [job("c1"), job("c2"), job("shy", "Global=true", "Conflicts=c*.service")]
    here = {"c1.service": ID[1], "c2.service": ID[1]}
    assert rebalance(jobs, machines(2), here) == Rebalancing([], [2, 0])


def test_of_equals_the_most_crowded_template_gives() -> None:
    jobs = [*instances("a", 2), *instances("b", 4)]
    current = {each.name: ID[1] for each in jobs}
    steps = rebalance(jobs, machines(2), current).relocations
    assert [step.unit for step in steps] == ["b@1.service", "a@1.service", "b@2.service"]
    assert steps[0].reason == "6 and 0 units become 5 and 1"


def test_a_unit_on_its_way_counts_where_it_goes() -> None:
    jobs = instances("a", 4)
    current = {each.name: ID[1] for each in jobs}
    plan = rebalance(jobs, machines(2), current, None, {"a@1.service": Move(ID[1], ID[2])})
    assert [step.unit for step in plan.relocations] == ["a@2.service"]
    assert plan.loads == [2, 2]


def test_who_has_given_takes_nothing_until_the_next_time() -> None:
    pair = [job("a"), job("a-log", "MachineOf=a.service"), job("a-top", "MachineOf=a.service")]
    pinned = job("p", f"MachineID={ID[1]}")
    web = [job(f"c{n}", "MachineMetadata=role=web") for n in range(4)]
    among = [machine(1, role="web"), machine(2), machine(3, role="web")]
    current = {each.name: ID[1] for each in (*pair, pinned)} | {c.name: ID[3] for c in web}
    plan = rebalance([*pair, pinned, *web], among, current)
    assert ([step.unit for step in plan.relocations], plan.loads) == (["a.service"], [4, 3, 1])
    again = rebalance([*pair, pinned, *web], among, moved(current, plan.relocations))
    assert ([step.unit for step in again.relocations], again.loads) == (["c0.service"], [3, 3, 2])


def test_nothing_moves_that_would_drive_another_away() -> None:
    pinned = [job(f"p{n}", f"MachineID={ID[1]}") for n in range(2)]
    jobs = [job("new", "Replaces=old.service"), job("old", f"MachineID={ID[2]}"), *pinned]
    current = {each.name: ID[1] for each in jobs} | {"old.service": ID[2]}
    assert rebalance(jobs, machines(2), current) == Rebalancing([], [3, 1])


def test_nothing_moves_whose_followers_may_not_come_along() -> None:
    follower = job("log", "MachineOf=app.service", "MachineMetadata=role=web")
    jobs = [job("app"), follower, job("p", f"MachineID={ID[1]}")]
    current = {each.name: ID[1] for each in jobs}
    among = [machine(1, role="web"), machine(2)]
    assert rebalance(jobs, among, current) == Rebalancing([], [3, 0])


def test_a_cordoned_machine_neither_gives_nor_takes() -> None:
    current = {each.name: ID[1] for each in instances("a", 4)}
    for marked_one, left in ((1, [0]), (2, [4])):
        marks = {ID[marked_one]: Eligibility()}
        plan = rebalance(instances("a", 4), machines(2), current, marks)
        assert plan == Rebalancing([], left)


def test_a_move_that_leaves_a_follower_nowhere_is_refused() -> None:
    """Such a follower came when the move was already planned; other moves go on."""
    follower = job("log", "MachineOf=app.service", "MachineMetadata=role=web")
    current = {"app.service": ID[1], "other.service": ID[1]}
    among = [machine(1, role="web"), machine(2)]
    asked = dict.fromkeys(current, Move(ID[1], ID[2]))
    plan = schedule([job("app"), job("other"), follower], among, current, None, asked)
    assert plan.placements == {
        "app.service": ID[1],
        "log.service": ID[1],
        "other.service": ID[2],
    }


def test_moves_that_were_possible_only_together_are_refused_together() -> None:
    """`a` may come only when `b` has left, which it cannot any more."""
    jobs = [
        job("a", "Conflicts=b.service"),
        job("b"),
        job("pinned", "MachineMetadata=role=web", "Conflicts=b.service"),
    ]
    among = [machine(1, role="web"), machine(2)]
    current = {"a.service": ID[1], "b.service": ID[2], "pinned.service": ID[1]}
    asked = {"a.service": Move(ID[1], ID[2]), "b.service": Move(ID[2], ID[1])}
    assert schedule(jobs, among, current, None, asked).placements == current
