"""What the leader does when little has changed in a large cluster: counted, not timed."""

from collections.abc import Callable

import pytest

from fleet_cluster.fleet.cluster_state import state as cluster_state
from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.engine.reconciler import decide
from fleet_cluster.fleet.model.keys import (
    eligibility_key,
    file_key,
    machine_key,
    schedule_key,
    state_key,
    unit_key,
)
from fleet_cluster.fleet.model.record import Record
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    MachineState,
    Unit,
    UnitState,
)
from tests.unit.fleet.cluster_states import entries, machine_records, state_of
from tests.unit.fleet.fakes.units import SLEEPS
from tests.unit.fleet.scheduler.test_growth import TOLERANCE, instructions

UNIT, HOME = "web@0.service", "machine-0"
FILES = {"old": SLEEPS, "new": f"{SLEEPS}# another\n"}
MOST_FOR_A_UNIT = 1_500
"""Of Python's instructions, for each unit that stays as it is."""
PINNED = f"{SLEEPS}[X-Fleet]\nMachineMetadata=name=machine-3\n"
CHANGES: dict[str, dict[str, Record | str]] = {
    "a machine is drained": {eligibility_key(HOME): Eligibility(draining=True)},
    "a machine has other metadata": {
        machine_key(HOME): MachineState(HOME, "10.0.0.1", HOME, {"name": "another"})
    },
    "a file asks for another machine": {
        file_key("pinned"): PINNED,
        unit_key(UNIT): Unit("pinned", DesiredState.LAUNCHED),
    },
    "a unit comes": {unit_key("another.service"): Unit("old", DesiredState.LAUNCHED)},
}


def cluster(units: int, machines: int) -> ClusterState:
    """A cluster in which all is as it is wanted."""
    names = [f"machine-{number}" for number in range(machines)]
    records: dict[str, Record | str] = dict(machine_records(*names))
    records |= {file_key(sha): text for sha, text in FILES.items()}
    for number in range(units):
        unit, home = f"web@{number}.service", names[number % machines]
        records |= {
            unit_key(unit): Unit("old", DesiredState.LAUNCHED),
            schedule_key(home, unit): Assignment("old", DesiredState.LAUNCHED),
            state_key(home, unit): UnitState("loaded", "active", "running", "old"),
        }
    return state_of(records)


def change(state: ClusterState, records: dict[str, Record | str]) -> None:
    changed = entries(records)
    state.update(changed, {**state.entries, **changed}, 2)


def rolling(units: int, machines: int) -> Callable[[], None]:
    """What the leader decides when one unit's file has changed: to its new one, and back."""
    state = cluster(units, machines)
    decide(state)

    def roll() -> None:
        sha = "new" if state.units[UNIT].sha == "old" else "old"
        change(state, {unit_key(UNIT): Unit(sha, DesiredState.LAUNCHED)})
        decide(state)

    return roll


def test_a_unit_that_stays_as_it_is_costs_little_when_another_one_changes() -> None:
    small, large = instructions(rolling(100, 10)), instructions(rolling(800, 80))
    assert large < 800 * MOST_FOR_A_UNIT
    assert large / small < 8 * TOLERANCE


def plans(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The arguments of each plan that is made from now on."""
    made: list[object] = []
    schedule = cluster_state.schedule

    def noted(*given: object) -> object:
        made.append(given)
        return schedule(*given)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(cluster_state, "schedule", noted)
    return made


def test_a_file_that_asks_for_the_same_makes_no_other_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    state = cluster(20, 4)
    decide(state)
    made = plans(monkeypatch)
    change(state, {unit_key(UNIT): Unit("new", DesiredState.LAUNCHED)})
    (instruction,) = decide(state).changes
    assert (instruction.unit, instruction.machine) == (UNIT, HOME)
    assert not made


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_plan_depends_on_makes_another(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    state = cluster(20, 4)
    decide(state)
    made = plans(monkeypatch)
    change(state, CHANGES[what])
    decide(state)
    assert made


def test_texts_that_many_records_have_are_kept_once() -> None:
    """Thousands of records name the same few files and machines."""
    state = cluster(20, 4)
    kept = [
        (machine, assignment.sha, state.states[unit][machine].sha)
        for unit, machines in state.schedule.items()
        for machine, assignment in machines.items()
    ]
    assert len(kept) == 20
    assert len({id(machine) for machine, _, _ in kept}) == 4
    assert len({id(sha) for _, *both in kept for sha in both}) == 1
