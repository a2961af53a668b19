"""Where units are: one answer, whoever asks."""

from dataclasses import replace

from fleet_cluster.fleet.model.keys import file_key, schedule_key, state_key, unit_key
from fleet_cluster.fleet.model.record import Record
from fleet_cluster.fleet.model.records import Assignment, DesiredState, Unit, UnitState
from tests.unit.fleet.cluster_states import entries, machine_records, state_of
from tests.unit.fleet.fakes.units import SLEEPS

U = "u.service"
RUN = Assignment("new", DesiredState.LAUNCHED)
UP = UnitState("loaded", "active", "running", "new")
FIRST = f"{SLEEPS}[X-Fleet]\nStartFirst=true\n"


def unit_records(text: str) -> dict[str, Record | str]:
    return {file_key("new"): text, unit_key(U): Unit("new", DesiredState.LAUNCHED)}


def test_a_unit_whose_drain_is_cancelled_is_where_it_was() -> None:
    cancelled = state_of(
        {
            **machine_records("a", "b"),
            **unit_records(FIRST),
            schedule_key("a", U): replace(RUN, destination="b"),
            schedule_key("b", U): RUN,
            state_key("a", U): UP,
            state_key("b", U): replace(UP, active="activating"),
        }
    )
    assert cancelled.placements() == {U: "a"}
    assert cancelled.homes(U) == ["a"]
    assert cancelled.plan().placements == {U: "a"}


def test_a_unit_that_is_down_where_it_was_is_where_it_was_to_go() -> None:
    """Its old machine was booted and does not start it again; the new one may not have told yet."""
    booted = state_of(
        {
            **machine_records("a", "b"),
            **unit_records(FIRST),
            schedule_key("a", U): replace(RUN, destination="b"),
            schedule_key("b", U): RUN,
            state_key("a", U): replace(UP, active="inactive"),
            state_key("b", U): replace(UP, active="inactive"),
        }
    )
    assert booted.placements() == {U: "b"}
    assert booted.plan().placements == {U: "b"}


def test_a_plan_is_made_anew_when_the_schedule_has_changed() -> None:
    state = state_of({**machine_records("a", "b"), **unit_records(SLEEPS)})
    assert state.plan().placements == {U: "a"}
    assigned = entries({schedule_key("b", U): RUN})
    state.update(assigned, {**state.entries, **assigned}, 2)
    assert state.plan().placements == {U: "b"}
