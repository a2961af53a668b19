"""How start jobs have ended, and why units are not up."""

from dataclasses import replace

import pytest

from fleet_cluster.fleet.agent.checkpoint import LocalUnit, Progress
from fleet_cluster.fleet.agent.start_results import StartResults
from fleet_cluster.fleet.model.records import DesiredState
from fleet_cluster.fleet.systemd.manager import UnitStatus
from tests.unit.fleet.agents import Bench
from tests.unit.fleet.fakes.units import ENDS, FAILS, SLEEPS

A = "a.service"


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("done", "ConditionPathExists=/nope is not met"),
        ("dependency", "it needs db.service, which is failed (failed)"),
        ("timeout", ""),
    ],
)
def test_a_job_that_ends_without_starting_the_unit_is_told(
    bench: Bench, job: str, reason: str
) -> None:
    bench.systemd.skipped[A] = (job, reason)
    bench.run(A, SLEEPS)
    state = bench.state(A)
    assert state and (state.active, state.job, state.reason) == ("inactive", job, reason)
    assert state.journal == f"last words of {A}" and bench.systemd.journals_read == [A]
    bench.assign(A, SLEEPS, DesiredState.LOADED)
    bench.settle()
    state = bench.state(A)
    assert state and (state.job, state.reason, state.journal) == ("", "", "")


def test_a_job_that_has_not_ended_is_told(bench: Bench) -> None:
    bench.assign(A, SLEEPS)
    snapshot = bench.store.read("/fleet/schedule/")
    for _ in range(3):
        bench.agent.reconcile(bench.lease, True, snapshot.entries)
    state = bench.state(A)
    assert state and (state.active, state.job) == ("inactive", "pending")
    bench.settle()
    state = bench.state(A)
    assert state and (state.active, state.job) == ("active", "")


def test_a_job_that_ended_while_fleetd_was_away_is_told(bench: Bench) -> None:
    bench.systemd.skipped[A] = ("failed", "")
    bench.assign(A, SLEEPS)
    bench.act()
    bench.systemd.forget_jobs()
    bench.restart()
    bench.settle()
    state = bench.state(A)
    assert state and state.job == "unknown"


def test_one_that_was_skipped_stays_so_when_fleetd_is_restarted(bench: Bench) -> None:
    """Or an upgrade of fleet would make a failure of it."""
    bench.systemd.skipped[A] = ("done", "ConditionPathExists=/nope is not met")
    bench.run(A, SLEEPS)
    bench.systemd.forget_jobs()
    bench.restart()
    bench.settle()
    state = bench.state(A)
    assert state and (state.job, state.reason) == ("done", "ConditionPathExists=/nope is not met")


def test_one_that_ran_and_ended_is_not_told_of_as_never_started(bench: Bench) -> None:
    bench.run(A, ENDS)
    state = bench.state(A)
    assert state and (state.active, state.job, state.reason) == ("inactive", "", "")


def test_a_failure_has_its_reason(bench: Bench) -> None:
    bench.run(A, FAILS)
    state = bench.state(A)
    assert state and (state.job, state.reason) == ("", "exit-code")


@pytest.mark.parametrize("sub", ["auto-restart", "auto-restart-queued"])
def test_one_that_is_started_again_after_a_failure_has_its_reason(bench: Bench, sub: str) -> None:
    bench.run(A, FAILS)
    results = StartResults(bench.systemd)
    unit = LocalUnit("5a", Progress.STARTED, start_requested_at=1.0)
    results.refresh({A: unit}, {A: UnitStatus("loaded", "activating", sub, since=5.0)})
    assert (results.reason(A), results.journal(A)) == ("exit-code", f"last words of {A}")


@pytest.mark.parametrize("between", [[], [UnitStatus("loaded", "deactivating", "stop-post", 1.0)]])
def test_one_that_is_started_again_at_once_has_its_reason(
    bench: Bench, between: list[UnitStatus]
) -> None:
    """Where RestartSec= is over before anyone looks, only the next attempt is seen."""
    bench.run(A, FAILS)
    results = StartResults(bench.systemd)
    unit = LocalUnit("5a", Progress.STARTED, start_requested_at=1.0)
    first = UnitStatus("loaded", "activating", "start-post", since=2.0)
    results.refresh({A: unit}, {A: first})
    for status in between:
        results.refresh({A: unit}, {A: status})
    assert results.journal(A) == "", "nothing has failed yet"
    second = replace(first, sub="start-pre", since=3.0)
    results.refresh({A: unit}, {A: second})
    assert (results.reason(A), results.journal(A)) == ("exit-code", f"last words of {A}")
    for status in (replace(second, sub="start-post"), *between):
        results.refresh({A: unit}, {A: status})
    assert results.journal(A), "it has failed until it is active"


def test_one_that_fleetd_starts_again_has_not_failed(bench: Bench) -> None:
    bench.run(A, FAILS)
    results = StartResults(bench.systemd)
    for at in (1.0, 3.0):
        unit = LocalUnit("5a", Progress.STARTED, start_requested_at=at)
        results.refresh({A: unit}, {A: UnitStatus("loaded", "activating", "start", since=at + 1)})
    assert results.journal(A) == ""
