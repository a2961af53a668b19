"""What is reserved as it is, and what the leader waits for until there is room."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fleet_cluster.fleet.cluster_state.reservations import Reservations
from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.engine.reconciler import decide
from fleet_cluster.fleet.fleetctl.wait.outcome import Waiting
from fleet_cluster.fleet.fleetctl.wait.start import launched
from fleet_cluster.fleet.model.keys import file_key, machine_key
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    MachineState,
    Unit,
    UnitState,
)
from fleet_cluster.fleet.unitfiles.resources import Resources
from tests.unit.fleet.cluster_states import Situation, state_of

G = 1 << 30
LARGE = "[Service]\nExecStart=/a\n[X-Fleet]\nMemory=1G\n"
ONCE = LARGE.replace("[X-Fleet]", "Type=oneshot\n[X-Fleet]")
GLOBAL = f"{LARGE}Global=true\n"
RUN = Assignment("new", DesiredState.LAUNCHED)
STOP = Assignment("new", DesiredState.INACTIVE)
ACTIVE = UnitState("loaded", "active", "running", "new")


def state(situation: Situation, files: Mapping[str, str] | None = None) -> ClusterState:
    """The state of a cluster whose machines have 1 GiB each."""
    machines = {
        key: replace(one, memory=G)
        for key, one in situation.records().items()
        if isinstance(one, MachineState)
    }
    assert machine_key("a") in machines
    return state_of({**situation.records(), **machines, **(files or {})})


@pytest.mark.parametrize(
    ("text", "assignment", "report", "reserved"),
    [
        (LARGE, RUN, None, G),
        (LARGE, RUN, ACTIVE, G),
        (LARGE, STOP, None, 0),
        (LARGE, STOP, ACTIVE, G),
        (LARGE, STOP, replace(ACTIVE, active="deactivating"), G),
        (LARGE, STOP, replace(ACTIVE, active="failed"), 0),
        (LARGE, None, replace(ACTIVE, orphan=True), G),
        (LARGE, RUN, replace(ACTIVE, active="failed"), G),
        (ONCE, replace(RUN, completed=True), None, 0),
    ],
)
def test_a_unit_has_its_part_until_it_is_gone(
    text: str, assignment: Assignment | None, report: UnitState | None, reserved: int
) -> None:
    at = ("a", "u.service")
    situation = Situation(
        {"u.service": text},
        schedule={at: assignment} if assignment else {},
        states={at: report} if report else {},
    )
    assert Reservations(state(situation)).on("a") == Resources(reserved)


def test_so_does_one_whose_record_is_gone() -> None:
    gone = Unit("new", DesiredState.INACTIVE)
    at = ("a", "u.service")
    situation = Situation(
        {"u.service": LARGE}, {"u.service": gone}, schedule={at: STOP}, states={at: ACTIVE}
    )
    assert Reservations(state(situation)).on("a") == Resources(G)


LEAVING = Situation(
    {"old.service": LARGE, "u.service": LARGE},
    {"old.service": Unit("new", DesiredState.INACTIVE)},
    machines="a",
    schedule={("a", "old.service"): STOP},
    states={("a", "old.service"): ACTIVE},
)
"""The machine is full by a unit that was told to stop."""


@pytest.mark.parametrize("text", [LARGE, GLOBAL])
def test_the_leader_waits_until_what_is_to_leave_has_stopped(text: str) -> None:
    waiting = replace(LEAVING, texts={**LEAVING.texts, "u.service": text})
    decision = decide(state(waiting))
    assert (decision.changes, decision.waiting) == ([], ["u.service"])
    gone = replace(waiting, schedule={}, states={})
    (change,) = decide(state(gone)).changes
    assert (change.machine, change.unit) == ("a", "u.service")


BROKEN = "[Service]\nExecStart=/a\n[X-Fleet]\nMemory=much\n"
OTHER = ("a", "other.service")
OLD_RUN, OLD_STOP = replace(RUN, sha="old"), replace(STOP, sha="old")
RUNS = Situation({"u.service": LARGE}, machines="a", states={OTHER: replace(ACTIVE, sha="old")})
"""A unit is to come where another runs."""
BROKE = replace(RUNS, texts={**RUNS.texts, "other.service": BROKEN})


@pytest.mark.parametrize(
    ("situation", "waits"),
    [
        (RUNS, False),
        (replace(RUNS, schedule={OTHER: OLD_RUN}), True),
        (replace(BROKE, schedule={OTHER: OLD_RUN}), False),
        (replace(BROKE, schedule={OTHER: OLD_STOP}), True),
    ],
    ids=["no record", "record is gone", "new file is broken", "told to stop, and broken"],
)
def test_the_leader_waits_for_nothing_that_nobody_stops(situation: Situation, waits: bool) -> None:
    decision = decide(state(situation, {file_key("old other.service"): LARGE}))
    come = [one.unit for one in decision.changes if one.unit == "u.service"]
    assert (come, decision.waiting) == (([], ["u.service"]) if waits else (["u.service"], []))


def test_a_unit_that_is_at_rest_where_it_belongs_waits_for_no_room() -> None:
    here, other = ("a", "u.service"), ("a", "other.service")
    full = Situation(
        {unit: LARGE for _, unit in (here, other)},
        schedule={other: RUN},
        states={other: ACTIVE, here: replace(ACTIVE, active="failed")},
    )
    assert state(full).plan().placements["u.service"] == "a"
    decision = decide(state(full))
    assert [(one.machine, one.unit) for one in decision.changes] == [here]
    assert decision.waiting == []


def test_two_units_do_not_come_to_the_same_room() -> None:
    texts = {"u.service": LARGE, "v.service": LARGE}
    changes = decide(state(Situation(texts))).changes
    assert {one.machine for one in changes} == {"a", "b"}
    assert len(decide(state(Situation(texts, machines="a"))).changes) == 1


@pytest.mark.parametrize("text", [LARGE, GLOBAL])
def test_who_starts_a_unit_is_told_what_it_waits_for(text: str) -> None:
    half = text.replace("1G", "512M")
    texts = {**LEAVING.texts, "u.service": half, "stays.service": half}
    at = ("a", "stays.service")
    waiting = replace(
        LEAVING,
        texts=texts,
        schedule={**LEAVING.schedule, at: RUN},
        states={**LEAVING.states, at: ACTIVE},
    )
    view = state(waiting)
    outcome = launched("u.service", view.units["u.service"], {})(view)
    shortage = "(memory: 512M wanted, 0 of 1G not reserved)"
    assert outcome == Waiting(f"until these have stopped on a/10.0.0.a: old.service {shortage}")


@pytest.mark.parametrize("report", [ACTIVE, replace(ACTIVE, orphan=True)])
def test_an_emptied_store_stops_no_global_unit_of_a_machine_that_is_too_full(
    report: UnitState,
) -> None:
    texts = {"all.service": GLOBAL, "u.service": LARGE}
    at = [("a", unit) for unit in texts]
    full = Situation(texts, machines="a", schedule=dict.fromkeys(at, RUN))
    assert decide(state(full)).changes == []
    emptied = replace(full, schedule={}, states=dict.fromkeys(at, report))
    written = decide(state(emptied)).changes
    assert {one.unit: one.assignment for one in written if one.assignment} == {
        unit: Assignment(f"new {unit}", DesiredState.LAUNCHED) for unit in texts
    }
