"""Transient units go when their run is over, and only then."""

from dataclasses import replace

from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.engine.runs.timers import KEPT as KEPT_OF_TIMERS
from fleet_cluster.fleet.engine.runs.timers import Timers
from fleet_cluster.fleet.engine.runs.transient import KEPT, cleanup
from fleet_cluster.fleet.kv import KeyValue
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.record import Record
from fleet_cluster.fleet.model.records import TRANSIENT, DesiredState, MachineState, Unit
from fleet_cluster.fleet.model.runs import LOST, MISSED, Run, RunReport
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.units import SLEEPS

NAME, SHA = "run-1.service", sha_of(SLEEPS)
UNIT = Unit(SHA, DesiredState.LOADED, TRANSIENT, machine="m1")


def state_of(records: dict[str, Record]) -> ClusterState:
    values = {key: record.to_json() for key, record in records.items()}
    values[keys.file_key(SHA)] = SLEEPS
    values[keys.machine_key("m1")] = MachineState("m1", "10.0.0.1", "m1").to_json()
    entries = {key: KeyValue(key, value, 1, 1) for key, value in values.items()}
    state = ClusterState()
    state.update(entries.keys(), entries, 1)
    return state


def removed(records: dict[str, Record]) -> set[str]:
    state = state_of(records)
    steps = [*cleanup(state), *Timers(lambda: 0.0, lambda _calendars, _after: []).steps(state)]
    return {key for step in steps for key, record in step.records.items() if record is None}


def a_run(machine: str = "m1", outcome: str = "") -> dict[str, Record]:
    run = Run(machine, requested_at=1.0, by="anna", outcome=outcome)
    return {keys.unit_key(NAME): UNIT, keys.run_key(NAME, "1"): run}


def report(machine: str, result: str, id: str = "1") -> dict[str, Record]:
    return {keys.run_report_key(machine, NAME, id): RunReport("b", started=1.0, result=result)}


def test_a_unit_goes_with_its_file_when_its_run_is_over():
    gone = {keys.unit_key(NAME), keys.file_key(SHA)}
    assert removed(a_run() | report("m1", "exit-code")) == gone
    assert removed(a_run(outcome=LOST)) == gone


def test_a_unit_stays_as_long_as_one_of_its_runs_goes_on():
    assert removed(a_run()) == set()
    assert removed(a_run() | report("m1", "")) == set()
    other = {keys.run_key(NAME, "1-1"): Run("m1", requested_at=1.0, by="anna")}
    assert removed(a_run() | report("m1", "success") | other) == set()


def test_the_word_of_another_machine_ends_no_run():
    assert removed(a_run() | report("m2", "success")) == set()


def test_other_units_stay_whatever_was_run_of_them():
    records = a_run(outcome=LOST) | {keys.unit_key(NAME): Unit(SHA, DesiredState.LOADED, "shop")}
    assert removed(records) == set()


def test_a_run_that_its_machine_did_not_live_to_take_is_missed():
    [step] = cleanup(state_of(a_run("m2")))
    assert step.records == {keys.run_key(NAME, "1"): Run("m2", 0.0, 1.0, "anna", outcome=MISSED)}
    assert keys.run_report_key("m2", NAME, "1") in step.seen, "it may just be taking it"
    assert list(cleanup(state_of(a_run("m2") | report("m2", "")))) == []


def test_the_last_runs_are_kept():
    records: dict[str, Record] = {}
    for number in range(KEPT + 2):
        name = f"run-{number}.service"
        run = Run("m1", requested_at=float(number), by="anna", outcome=LOST)
        records[keys.run_key(name, "1")] = run
        records[keys.run_report_key("m1", name, "1")] = RunReport("b", result="success")
    old = ("run-0.service", "run-1.service")
    expected = {keys.run_key(name, "1") for name in old}
    expected |= {keys.run_report_key("m1", name, "1") for name in old}
    assert removed(records) == expected


def test_a_run_on_many_machines_is_kept_whole():
    """Or whoever waits for it is told that its record was removed."""
    records = a_run()
    for place in range(1, KEPT_OF_TIMERS + KEPT + 1):
        id, machine = f"1-{place}", f"m{place}"
        records[keys.run_key(NAME, id)] = Run(machine, requested_at=1.0, by="anna")
        records |= report(machine, "success", id)
    assert removed(records) == set(), "one goes on"
    records |= report("m1", "success")
    assert removed(records) == {keys.unit_key(NAME), keys.file_key(SHA)}
    del records[keys.unit_key(NAME)]
    assert removed(records) == set()


def test_what_has_ended_last_is_kept_however_long_it_took():
    records: dict[str, Record] = {}
    for number in range(KEPT + 1):
        name, ended = f"run-{number}.service", float(number or 1000)
        records[keys.run_key(name, "1")] = Run("m1", requested_at=float(number), by="anna")
        told = RunReport("b", ended=ended, result="success")
        records[keys.run_report_key("m1", name, "1")] = told
    first = "run-1.service"
    assert removed(records) == {keys.run_key(first, "1"), keys.run_report_key("m1", first, "1")}


def test_a_run_that_is_stopped_before_it_is_taken_is_missed():
    """Or whoever waits for it waits for ever."""
    run = Run("m1", 0.0, 1.0, "anna")
    gone: dict[str, Record] = {keys.run_key(NAME, "1"): run}
    stopped = gone | {keys.unit_key(NAME): replace(UNIT, desired_state=DesiredState.INACTIVE)}
    for records in gone, stopped:
        [step] = cleanup(state_of(records))
        assert step.records == {keys.run_key(NAME, "1"): replace(run, outcome=MISSED)}
    assert list(cleanup(state_of(stopped | report("m1", "")))) == []


def test_a_unit_that_is_stopped_before_it_is_handed_out_goes():
    """Whoever stops it writes its record without the lease that it was on."""
    assert removed({keys.unit_key(NAME): UNIT}) == set()
    stopped = replace(UNIT, desired_state=DesiredState.INACTIVE)
    assert removed({keys.unit_key(NAME): stopped}) == {keys.unit_key(NAME), keys.file_key(SHA)}
