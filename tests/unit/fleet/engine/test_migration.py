"""How units leave a machine that is drained: what the leader writes, step by step."""

from dataclasses import replace

from fleet_cluster.fleet.cluster_state.decoder import Place
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    Move,
    UnitState,
)
from tests.unit.fleet.cluster_states import Situation, state_of
from tests.unit.fleet.fakes.units import SLEEPS

RUN = Assignment("new", DesiredState.LAUNCHED)
STOP = Assignment("new", DesiredState.INACTIVE)
UP = UnitState("loaded", "active", "running", "new")
STARTING = replace(UP, active="activating")
FAILED = replace(UP, active="failed")
FIRST = "StartFirst=true\n"
DRAINED = {"a": Eligibility(draining=True)}


def situation(
    units: dict[str, str],
    schedule: dict[Place, Assignment],
    states: dict[Place, UnitState],
    eligibility: dict[str, Eligibility] | None = None,
    machines: str = "a b",
) -> Situation:
    """`units`: what their files say in `[X-Fleet]`."""
    return Situation(
        texts={unit: f"{SLEEPS}[X-Fleet]\n{options}" for unit, options in units.items()},
        machines=machines,
        schedule=schedule,
        states=states,
        eligibility=DRAINED if eligibility is None else eligibility,
    )


def written(what: Situation) -> dict[Place, Assignment | None]:
    return what.changes()


def moving(to: str) -> Assignment:
    return replace(RUN, destination=to)


U = "u.service"


def test_start_first_has_two_assignments_until_it_is_up() -> None:
    here = situation({U: FIRST}, {("a", U): RUN}, {("a", U): UP})
    assert written(here) == {("a", U): moving("b"), ("b", U): RUN}
    both = {("a", U): moving("b"), ("b", U): RUN}
    for state in (STARTING, FAILED):
        under_way = situation({U: FIRST}, both, {("a", U): UP, ("b", U): state})
        assert written(under_way) == {}
        assert under_way.decide().waiting == [U]
    there = situation({U: FIRST}, both, {("a", U): UP, ("b", U): UP})
    assert written(there) == {("a", U): STOP}


def test_what_a_drained_machine_holds_is_as_good_as_assigned_to_it() -> None:
    held = {("a", U): replace(UP, orphan=True), ("a", "g.service"): replace(UP, orphan=True)}
    emptied = situation({U: FIRST, "g.service": "Global=true\n"}, {}, held)
    assert written(emptied) == {
        ("a", U): moving("b"),
        ("b", U): RUN,
        ("a", "g.service"): RUN,
        ("b", "g.service"): RUN,
    }


def test_what_is_still_to_stop_where_it_moves_to_does_not_count_as_up_there() -> None:
    here = situation({U: FIRST}, {("a", U): RUN, ("b", U): STOP}, {("a", U): UP, ("b", U): UP})
    assert ("a", U) not in written(here) or written(here)["a", U] == moving("b")


def test_start_first_goes_back_when_the_drain_ends_before_it_is_up() -> None:
    both = {("a", U): moving("b"), ("b", U): RUN}
    failed = situation({U: FIRST}, both, {("a", U): UP, ("b", U): FAILED}, eligibility={})
    assert written(failed) == {("a", U): RUN, ("b", U): STOP}


def test_start_first_stays_when_the_new_machine_is_lost() -> None:
    both = {("a", U): moving("b"), ("b", U): RUN}
    lost = situation({U: FIRST}, both, {("a", U): UP}, machines="a c")
    assert written(lost) == {("a", U): moving("c"), ("b", U): STOP, ("c", U): RUN}
    alone = situation({U: FIRST}, both, {("a", U): UP}, machines="a")
    assert ("a", U) not in written(alone) or written(alone)["a", U] == RUN


def test_without_start_first_it_is_stopped_first() -> None:
    assert written(situation({U: ""}, {("a", U): RUN}, {("a", U): UP})) == {("a", U): STOP}


def test_of_a_template_one_at_a_time() -> None:
    units = {"w@1.service": "", "w@2.service": ""}
    on_a = {("a", unit): RUN for unit in units}
    up = {("a", unit): UP for unit in units}
    assert written(situation(units, on_a, up)) == {("a", "w@1.service"): STOP}
    gone = {("b", "w@1.service"): RUN, ("a", "w@2.service"): RUN}
    for state in (STARTING, FAILED):
        reports = {("b", "w@1.service"): state, ("a", "w@2.service"): UP}
        assert written(situation(units, gone, reports)) == {}
    reports = {("b", "w@1.service"): UP, ("a", "w@2.service"): UP}
    assert written(situation(units, gone, reports)) == {("a", "w@2.service"): STOP}


def test_one_that_started_first_and_does_so_no_more_is_where_it_goes_already() -> None:
    """Its file has changed on the way; for commands, it is there."""
    both = {("a", "w@1.service"): moving("b"), ("b", "w@1.service"): RUN, ("b", "w@2.service"): RUN}
    units = {"w@1.service": "", "w@2.service": ""}
    half_way = situation(units, both, {("a", "w@1.service"): UP, ("b", "w@2.service"): STARTING})
    assert state_of(half_way.records()).placements()["w@1.service"] == "b"
    assert written(half_way) == {("a", "w@1.service"): STOP}


def test_followers_go_along_when_all_are_up() -> None:
    units = {U: FIRST, "f.service": f"MachineOf={U}\n{FIRST}"}
    here = situation(units, {("a", u): RUN for u in units}, {("a", u): UP for u in units})
    both = {(on, u): moving("b") if on == "a" else RUN for on in "ab" for u in units}
    assert written(here) == both
    states = {("a", U): UP, ("a", "f.service"): UP, ("b", U): UP, ("b", "f.service"): STARTING}
    assert written(situation(units, both, states)) == {}
    states["b", "f.service"] = UP
    assert written(situation(units, both, states)) == {("a", u): STOP for u in units}


def test_what_fits_nowhere_else_stays_unless_forced() -> None:
    pinned = {U: "MachineMetadata=name=a\n"}
    stuck = situation(pinned, {("a", U): RUN}, {("a", U): UP})
    assert written(stuck) == {}
    forced = {"a": Eligibility(draining=True, force=True)}
    assert written(replace(stuck, eligibility=forced)) == {("a", U): STOP}


def test_global_units_leave_last() -> None:
    units = {U: FIRST, "g.service": "Global=true\n"}
    both = {("a", "g.service"): RUN, ("b", "g.service"): RUN}
    states = {place: UP for place in both}
    full = situation(units, {**both, ("a", U): STOP, ("b", U): RUN}, {**states, ("b", U): UP})
    busy = replace(full, states={**full.states, ("a", U): UP})
    assert written(busy) == {}
    assert written(full) == {("a", U): None}
    empty = situation(units, {**both, ("b", U): RUN}, {**states, ("b", U): UP})
    assert written(empty) == {("a", "g.service"): STOP}


def test_a_cordoned_machine_keeps_what_it_has_and_gets_nothing_new() -> None:
    marks = {"a": Eligibility()}
    assert written(situation({U: ""}, {("a", U): RUN}, {("a", U): UP}, marks)) == {}
    assert written(situation({U: ""}, {}, {}, marks)) == {("b", U): RUN}


def test_a_move_ends_when_it_is_done_or_impossible() -> None:
    move = {U: Move("a", "b")}
    here = replace(situation({U: FIRST}, {("a", U): RUN}, {("a", U): UP}, {}), moves=move)
    assert written(here) == {("a", U): moving("b"), ("b", U): RUN}
    assert not here.decide().obsolete
    done = replace(situation({U: FIRST}, {("b", U): RUN}, {("b", U): UP}, {}), moves=move)
    assert done.decide().obsolete == [f"/fleet/moves/{U}"]
    lost = replace(here, machines="a")
    assert lost.decide().obsolete == [f"/fleet/moves/{U}"] and written(lost) == {}


def test_a_unit_that_was_stopped_to_move_goes_where_it_was_to_go() -> None:
    """Also when other machines have fewer units by now."""
    v, moves = "v.service", {U: Move("a", "b")}
    told, states = {("b", v): RUN}, {("b", v): UP}
    here = situation({U: "", v: ""}, told | {("a", U): RUN}, states | {("a", U): UP}, {}, "a b c")
    assert written(replace(here, moves=moves)) == {("a", U): STOP}
    stopped = replace(here, schedule=told | {("a", U): STOP}, states=states, moves=moves)
    assert written(stopped) == {("a", U): None, ("b", U): RUN}
    assert not stopped.decide().obsolete
    done = replace(stopped, schedule=told | {("b", U): RUN})
    assert written(done) == {}
    assert done.decide().obsolete == [f"/fleet/moves/{U}"]


def test_a_move_that_would_stop_a_follower_for_good_ends() -> None:
    log = "log.service"
    follows = f"MachineOf={U}\nMachineMetadata=name=a\n"
    here = situation({U: "", log: follows}, {("a", U): RUN}, {("a", U): UP}, {})
    asked = replace(here, moves={U: Move("a", "b")})
    assert written(asked) == {("a", log): RUN}
    assert asked.decide().obsolete == [f"/fleet/moves/{U}"]


def test_the_mark_of_a_machine_that_was_removed_is_deleted() -> None:
    gone = situation(
        {U: ""}, {("b", U): RUN}, {("b", U): UP}, {"a": Eligibility(removed=True)}, "b"
    )
    assert not gone.decide().obsolete
    assert replace(gone, forgotten=frozenset("a")).decide().obsolete == ["/fleet/marks/a"]


def test_metadata_set_on_a_removed_machine_go_before_its_mark() -> None:
    gone = situation(
        {U: ""}, {("b", U): RUN}, {("b", U): UP}, {"a": Eligibility(removed=True)}, "b"
    )
    given = replace(gone, metadata="ab")
    assert not given.decide().obsolete, "it may come back"
    forgotten = replace(given, forgotten=frozenset("a"))
    assert forgotten.decide().obsolete == ["/fleet/metadata/a"]
    assert replace(forgotten, metadata="b").decide().obsolete == ["/fleet/marks/a"]
    lost = replace(given, eligibility={}, forgotten=frozenset("a"))
    assert not lost.decide().obsolete, "it was not removed, only lost for long"
