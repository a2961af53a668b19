"""What the leader writes now, on the way to where units belong."""

from collections.abc import Mapping
from dataclasses import replace

from fleet_cluster.fleet.cluster_state.decoder import Place
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    Unit,
    UnitState,
)
from tests.unit.fleet.cluster_states import Situation
from tests.unit.fleet.fakes.units import SLEEPS

U = "u.service"
NEW = Unit("new", DesiredState.LAUNCHED)
RUN = Assignment("new", DesiredState.LAUNCHED)
STOP = Assignment("new", DesiredState.INACTIVE)
UP = UnitState("loaded", "active", "running", "new")
HELD = replace(UP, orphan=True)
DEAD = UnitState("loaded", "inactive", "dead", "new")


def situation(
    machines: str = "a b",
    schedule: Mapping[Place, Assignment] | None = None,
    states: Mapping[Place, UnitState] | None = None,
    unit: Unit | None = NEW,
    options: str = "",
) -> Situation:
    return Situation(
        texts={U: f"{SLEEPS}[X-Fleet]\n{options}"} if unit else {},
        units={U: unit} if unit else {},
        machines=machines,
        schedule=schedule or {},
        states=states or {},
    )


def written(what: Situation) -> dict[str, Assignment | None]:
    """What is written: machine to assignment."""
    return {machine: assignment for (machine, _), assignment in what.changes().items()}


def test_new_unit_is_placed() -> None:
    assert written(situation()) == {"a": RUN}


def test_a_placement_tells_why_here_and_why_not_there() -> None:
    (change,) = situation(options="MachineMetadata=name=b\n").decide().changes
    assert change.assignment
    assert change.assignment.reason == "it has the fewest units of those that fit: 0"
    assert change.assignment.rejections == {"a": "metadata name=b wanted, machine has name=a"}
    assert change.assignment.origin == ""


def test_a_move_tells_where_from() -> None:
    lost = situation(machines="b", schedule={("a", U): RUN})
    moved = {change.machine: change.assignment for change in lost.decide().changes}["b"]
    assert moved and moved.origin == "a"


def test_a_change_in_place_tells_that_it_stays() -> None:
    here = situation(
        schedule={("b", U): Assignment("old", DesiredState.LAUNCHED)}, states={("b", U): UP}
    )
    (change,) = here.decide().changes
    assert change.assignment and change.assignment.reason == "its file changed, and it stays"


def test_reasons_alone_are_no_change() -> None:
    explained = replace(RUN, reason="once upon a time", decided_at=1.0, origin="a")
    assert written(situation(schedule={("b", U): explained}, states={("b", U): UP})) == {}


def test_nothing_to_do() -> None:
    assert written(situation(schedule={("b", U): RUN}, states={("b", U): UP})) == {}


def test_new_content_and_target_go_where_it_is() -> None:
    loaded = Assignment("old", DesiredState.LOADED)
    assert written(situation(schedule={("b", U): loaded}, states={("b", U): UP})) == {"b": RUN}


def test_move_stops_first() -> None:
    there = situation(
        schedule={("a", U): RUN}, states={("a", U): UP}, options="MachineMetadata=name=b\n"
    )
    assert written(there) == {"a": STOP}
    assert there.decide().waiting == [U]


def test_move_waits_for_the_old_machines_report() -> None:
    options = "MachineMetadata=name=b\n"
    stopping = situation(schedule={("a", U): STOP}, states={("a", U): DEAD}, options=options)
    assert written(stopping) == {} and stopping.decide().waiting == [U]
    stopped = situation(schedule={("a", U): STOP}, options=options)
    assert written(stopped) == {"a": None, "b": RUN}


def test_move_off_a_lost_machine_is_immediate() -> None:
    assert written(situation(machines="b", schedule={("a", U): RUN})) == {"a": STOP, "b": RUN}


def test_lost_machine_finds_the_instruction_to_stop() -> None:
    moved = {("a", U): STOP, ("b", U): RUN}
    assert written(situation(machines="b", schedule=moved, states={("b", U): UP})) == {}
    back = {("a", U): UP, ("b", U): UP}
    assert written(situation(schedule=moved, states=back)) == {}
    assert written(situation(schedule=moved, states={("b", U): UP})) == {"a": None}


def test_lost_machine_is_forgotten_at_last() -> None:
    moved = situation(machines="b", schedule={("a", U): STOP, ("b", U): RUN})
    assert written(replace(moved, forgotten=frozenset("a"))) == {"a": None}


def test_nothing_moves_off_a_lost_machine_while_it_must_not() -> None:
    lost = situation(machines="b", schedule={("a", U): RUN})
    assert written(replace(lost, keep_lost=True)) == {}


def test_fits_nowhere_else_stays_with_its_lost_machine() -> None:
    pinned = "MachineMetadata=name=a\n"
    assert written(situation(machines="b", schedule={("a", U): RUN}, options=pinned)) == {}


def test_inactive_and_destroyed_units_are_stopped() -> None:
    here = {("a", U): RUN}
    inactive = situation(
        schedule=here, states={("a", U): UP}, unit=replace(NEW, desired_state=DesiredState.INACTIVE)
    )
    assert written(inactive) == {"a": STOP}
    assert written(situation(schedule=here, states={("a", U): UP}, unit=None)) == {"a": STOP}


def test_instruction_to_stop_ends_when_the_unit_is_gone() -> None:
    told = {("a", U): STOP}
    assert written(situation(schedule=told, states={("a", U): DEAD}, unit=None)) == {}
    assert written(situation(schedule=told, unit=None)) == {"a": None}


def test_emptied_store_adopts_what_runs() -> None:
    assert written(situation(states={("b", U): HELD})) == {"b": RUN}


def test_homeless_waits_and_what_runs_is_adopted_while_others_may_still_report() -> None:
    assert written(replace(situation(), keep_unplaced=True)) == {}
    adopted = situation(states={("b", U): HELD})
    assert written(replace(adopted, keep_unplaced=True)) == {"b": RUN}


def test_held_unit_without_a_record_runs_on() -> None:
    assert written(situation(states={("b", U): HELD}, unit=None)) == {}


def test_held_unit_that_is_to_be_inactive_is_stopped() -> None:
    unwanted = replace(NEW, desired_state=DesiredState.INACTIVE)
    assert written(situation(states={("b", U): HELD}, unit=unwanted)) == {"b": STOP}


def test_home_does_not_start_what_another_machine_holds_until_it_has_stopped_there() -> None:
    only_b = "MachineMetadata=name=b\n"
    back = situation(schedule={("b", U): RUN}, states={("a", U): HELD}, options=only_b)
    assert written(back) == {"a": STOP, "b": STOP}
    both = {("a", U): HELD, ("b", U): UP}
    started = situation(schedule={("b", U): RUN}, states=both, options=only_b)
    assert written(started) == {"a": STOP}


def test_held_unit_that_belongs_elsewhere_is_stopped() -> None:
    doubled = situation(schedule={("a", U): RUN}, states={("a", U): UP, ("b", U): HELD})
    assert written(doubled) == {"b": STOP}


def test_restored_schedule_gives_way_to_what_runs() -> None:
    restored = situation(schedule={("a", U): RUN}, states={("b", U): HELD})
    assert written(restored) == {"a": STOP}
    assert restored.decide().waiting == [U]
    assert written(situation(schedule={("a", U): STOP}, states={("b", U): HELD})) == {
        "a": None,
        "b": RUN,
    }


def test_global_runs_everywhere_and_waits_for_a_lost_machine() -> None:
    options = "Global=true\n"
    assert written(situation(options=options)) == {"a": RUN, "b": RUN}
    everywhere = {("a", U): RUN, ("b", U): RUN}
    lost = situation(machines="b", schedule=everywhere, options=options)
    assert written(lost) == {}
    assert written(replace(lost, forgotten=frozenset("a"))) == {"a": None}


def test_a_machine_whose_turn_has_not_come_keeps_its_file() -> None:
    old = Assignment("old", DesiredState.LAUNCHED)
    entries: dict[Place, Assignment] = {("a", U): old, ("b", U): old}
    states = {place: replace(UP, sha="old") for place in entries}
    rolling = replace(NEW, retained_files={"b": "old"})
    what = situation("a b c", entries, states, rolling, options="Global=true\n")
    assert written(what) == {"a": RUN, "c": RUN}, "one that comes has the new file"


def test_a_file_that_neither_etcd_nor_the_machine_has_is_not_kept() -> None:
    rolling = replace(NEW, retained_files={"a": "old", "b": "old"})
    states = {("b", U): replace(UP, sha="old", orphan=True)}
    old = Assignment("old", DesiredState.LAUNCHED)
    what = situation("a b", {}, states, rolling, options="Global=true\n")
    assert written(what) == {"a": RUN, "b": old}, "a was booted anew, b runs on"
    lost = situation("b", {("a", U): old, ("b", U): old}, states, rolling, "Global=true\n")
    assert written(lost) == {}, "a may be back with it"


def test_global_unit_is_changed_on_lost_machines_too() -> None:
    old = Assignment("old", DesiredState.LAUNCHED)
    lost = situation(machines="b", schedule={("a", U): old, ("b", U): old}, options="Global=true\n")
    assert written(lost) == {"a": RUN, "b": RUN}


def test_template_and_unreadable_file_are_left_alone() -> None:
    unreadable = replace(situation(schedule={("a", U): RUN}), texts={U: "[X-Fleet]\nNone=\n"})
    assert written(unreadable) == {}
    template = Situation(texts={"u@.service": SLEEPS})
    assert written(template) == {}


def test_a_machine_that_is_gone_for_long_still_finds_that_a_destroyed_unit_is_to_stop() -> None:
    gone = situation(machines="b", schedule={("a", U): STOP}, unit=None)
    assert written(replace(gone, forgotten=frozenset("a"))) == {}
    removed = replace(gone, forgotten=frozenset("a"), eligibility={"a": Eligibility(removed=True)})
    assert written(removed) == {"a": None}
