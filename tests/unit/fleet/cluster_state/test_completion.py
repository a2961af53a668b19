"""What has done its work is neither moved nor run again."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fleet_cluster.fleet.cluster_state.decoder import Place
from fleet_cluster.fleet.model.keys import file_key, schedule_key, unit_key
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    Unit,
    UnitState,
)
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.cluster_states import Situation
from tests.unit.fleet.fakes.units import ENDS, SLEEPS
from tests.unit.fleet.fleetd.test_loop import Rig

U, V = "u.service", "v.service"
RUN = Assignment("new", DesiredState.LAUNCHED)
ENDED = replace(RUN, completed=True)
DONE = UnitState("loaded", "inactive", "dead", "new", since=8.0, start_requested_at=7.0)
DRAINED = {"a": Eligibility(draining=True)}
STAYS = ENDS + "RemainAfterExit=yes\n"


def situation(
    schedule: Mapping[Place, Assignment],
    states: Mapping[Place, UnitState],
    eligibility: Mapping[str, Eligibility] | None = None,
    machines: str = "a b",
    **texts: str,
) -> Situation:
    """`texts`: the units' files, by the name without its type; `u` runs once if not given."""
    return Situation(
        texts={f"{name}.service": text for name, text in ({"u": ENDS} | texts).items()},
        machines=machines,
        schedule=schedule,
        states=states,
        eligibility=DRAINED if eligibility is None else eligibility,
    )


def written(what: Situation) -> dict[Place, Assignment | None]:
    return what.changes()


def test_what_has_ended_well_stays_when_its_machine_is_drained() -> None:
    assert written(situation({("a", U): RUN}, {("a", U): DONE})) == {("a", U): ENDED}
    assert written(situation({("a", U): ENDED}, {("a", U): DONE})) == {}


def test_what_has_ended_well_is_not_run_again_when_its_machine_is_lost() -> None:
    assert written(situation({("a", U): ENDED}, {}, machines="b")) == {}
    removed = situation({("a", U): ENDED}, {}, {"a": Eligibility(removed=True)}, machines="b")
    assert written(replace(removed, forgotten=frozenset("a"))) == {}


def test_what_was_not_known_to_have_ended_runs_elsewhere_when_its_machine_is_lost() -> None:
    assert written(situation({("a", U): RUN}, {}, machines="b"))["b", U] == RUN


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (ENDS, replace(DONE, active="failed", sub="failed")),
        (ENDS, replace(DONE, active="activating", sub="start")),
        (ENDS, replace(DONE, since=0.0, start_requested_at=0.0)),  # Not started yet.
        (ENDS, replace(DONE, since=8.0, start_requested_at=0.0)),  # Stopped, to be started.
        (STAYS, replace(DONE, active="active", sub="exited")),
        (STAYS, DONE),  # Stopped by hand.
        (SLEEPS, DONE),
    ],
)
def test_what_still_has_work_to_do_moves(text: str, state: UnitState) -> None:
    moves = written(situation({("a", U): RUN}, {("a", U): state}, u=text))
    told = moves["a", U]
    assert told and told.desired_state is DesiredState.INACTIVE and not told.completed


def test_what_others_follow_goes_with_them() -> None:
    follows = f"{SLEEPS}[X-Fleet]\nMachineOf={U}\n"
    up = replace(DONE, active="active")
    schedule = {("a", U): RUN, ("a", V): RUN}
    moves = written(situation(schedule, {("a", U): DONE, ("a", V): up}, v=follows))
    assert {place for place, told in moves.items() if told and not told.completed} >= {("a", V)}
    assert not any(told and told.completed for told in moves.values())


def test_what_runs_again_is_no_longer_done() -> None:
    again = replace(DONE, active="activating", sub="start")
    assert written(situation({("a", U): ENDED}, {("a", U): again}, eligibility={})) == {
        ("a", U): RUN
    }


def test_a_changed_file_is_run_also_when_the_machine_of_the_old_one_is_lost() -> None:
    old = {("a", U): replace(ENDED, sha="old")}
    assert written(situation(old, {}, machines="b"))["b", U] == RUN


def test_global_units_leave_a_machine_where_the_rest_is_done() -> None:
    everywhere = SLEEPS + "[X-Fleet]\nGlobal=true\n"
    up = replace(DONE, active="active")
    schedule = {("a", U): ENDED, ("a", V): RUN, ("b", V): RUN}
    states = {("a", U): DONE, ("a", V): up, ("b", V): up}
    told = written(situation(schedule, states, v=everywhere))
    assert told["a", V] == replace(RUN, desired_state=DesiredState.INACTIVE)


def test_the_leader_notes_at_once_that_a_unit_is_done() -> None:
    rig = Rig()
    for _ in range(5):
        rig.live()
        rig.clock.advance(3)
    rig.live()
    rig.store.put(file_key(sha_of(ENDS)), ENDS)
    rig.store.put(unit_key(U), Unit(sha_of(ENDS), DesiredState.LAUNCHED).to_json())
    rig.live()
    told = Assignment.from_json(rig.store.value(schedule_key("m1", U)) or "")
    assert told.completed and told.reason == "it has done its work here"
    assert len(rig.systemd.starts) == 1
