"""Runs, as a leader sees to them: told as lost when they are, and leaving nothing behind."""

import pytest

from fleet_cluster.fleet.engine.runs.timers import KEPT as KEPT_OF_TIMERS
from fleet_cluster.fleet.engine.runs.transient import KEPT
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import TRANSIENT, Assignment, DesiredState, Unit, UnitState
from fleet_cluster.fleet.model.runs import LOST, MISSED, Run, RunReport
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.engine.leading import Cluster
from tests.unit.fleet.fakes.units import ENDS

NAME = "run-1.service"


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def begin(cluster: Cluster, number: int = 1, machine: str = "b") -> None:
    """What fleetctl does."""
    name, text = f"run-{number}.service", f"# {number}\n{ENDS}"
    unit = Unit(sha_of(text), DesiredState.LOADED, TRANSIENT, machine=machine)
    run = Run(machine, requested_at=float(number), by="anna")
    cluster.store.put(keys.file_key(unit.sha), text)
    cluster.store.put(keys.unit_key(name), unit.to_json())
    cluster.store.put(keys.run_key(name, str(number)), run.to_json())


def take(cluster: Cluster, number: int = 1, machine: str = "b", result: str = "") -> None:
    """What the machine does."""
    report = RunReport("boot", "", 1.0, 2.0 * bool(result), result)
    key = keys.run_report_key(machine, f"run-{number}.service", str(number))
    cluster.store.put(key, report.to_json())


def settle(cluster: Cluster) -> None:
    for _ in range(4):
        cluster.act()


def outcome(cluster: Cluster) -> str:
    return Run.from_json(cluster.store.value(keys.run_key(NAME, "1")) or "").outcome


@pytest.mark.parametrize("is_taken", [True, False])
def test_runs_are_given_up_with_one_machine_but_not_with_most_of_them(
    cluster: Cluster, is_taken: bool
) -> None:
    """When most are missing at once, the network is at fault: their units are left alone too."""
    begin(cluster)
    settle(cluster)
    if is_taken:
        take(cluster)
    settle(cluster)
    cluster.lose("b", "c")
    settle(cluster)
    assert outcome(cluster) == "" and cluster.store.value(keys.unit_key(NAME))
    cluster.announce("c")
    settle(cluster)
    assert outcome(cluster) == (LOST if is_taken else MISSED)


def obey(cluster: Cluster) -> None:
    """What the machines do about what they are told: they report what they have."""
    for key, entry in cluster.store.read(keys.SCHEDULE).entries.items():
        machine, name = keys.split_key(key, keys.SCHEDULE)
        assignment = Assignment.from_json(entry.value)
        if assignment.desired_state is DesiredState.INACTIVE:
            cluster.store.remove(keys.state_key(machine, name))
        else:
            state = UnitState("loaded", "inactive", "dead", assignment.sha)
            cluster.report_state(machine, name, state)


def test_many_runs_two_at_a_time_leave_only_their_history(cluster: Cluster) -> None:
    settle(cluster)
    before = set(cluster.store.entries)
    for number in range(1, 101, 2):
        both = {number: "b", number + 1: "c"}
        for one, machine in both.items():
            begin(cluster, one, machine)
        settle(cluster)
        obey(cluster)
        for one, machine in both.items():
            take(cluster, one, machine)
        settle(cluster)
        for one, machine in both.items():
            assert cluster.homes()[f"run-{one}.service"] == machine
            take(cluster, one, machine, "success")
        settle(cluster)
        obey(cluster)
        settle(cluster)
    left = set(cluster.store.entries) - before
    expected = {(f"run-{n}.service", str(n), "bc"[1 - n % 2]) for n in range(101 - KEPT, 101)}
    runs = {keys.run_key(name, id) for name, id, _ in expected}
    assert left == runs | {keys.run_report_key(on, name, id) for name, id, on in expected}


def test_a_job_that_runs_every_second_keeps_its_last_runs(cluster: Cluster) -> None:
    cluster.want("job.service", ENDS, DesiredState.INACTIVE)
    for due in range(1000, 1100):
        run = Run("b", float(due), float(due))
        cluster.store.put(keys.run_key("job.service", str(due)), run.to_json())
        report = RunReport("boot", "", due, due + 0.5, "success").to_json()
        cluster.store.put(keys.run_report_key("b", "job.service", str(due)), report)
        settle(cluster)
    kept = {str(due) for due in range(1100 - KEPT_OF_TIMERS, 1100)}
    left = {keys.run_key("job.service", id) for id in kept}
    left |= {keys.run_report_key("b", "job.service", id) for id in kept}
    prefixes = keys.RUNS, keys.RUN_REPORTS
    assert {key for key in cluster.store.entries if key.startswith(prefixes)} == left
