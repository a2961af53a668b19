"""Reports of units' states: what is written, when, and on which lease."""

import pytest

from fleet_cluster.fleet.kv import Changes, KVUnavailableError, LeaseLostError
from fleet_cluster.fleet.model.keys import state_key
from fleet_cluster.fleet.model.records import DesiredState
from tests.unit.fleet.agents import MACHINE, Bench
from tests.unit.fleet.fakes.clock import open_gate
from tests.unit.fleet.fakes.units import SLEEPS

A = "a.service"


def test_reports_only_what_changed(bench: Bench) -> None:
    commits: list[Changes] = []
    for number in range(300):
        bench.assign(f"u{number}.service", SLEEPS)
    bench.settle()
    bench.store.on_commit = commits.append
    bench.settle()
    assert commits == []
    bench.systemd.fail("u7.service")
    bench.settle()
    (changes,) = commits
    assert list(changes.puts) == [state_key(MACHINE, "u7.service")]


def test_reports_everything_again_on_a_new_lease(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.revoke(bench.lease)
    with pytest.raises(LeaseLostError):
        bench.systemd.fail(A)
        bench.settle()
    bench.lease = bench.store.grant(3600)
    bench.settle()
    assert bench.store.entries[state_key(MACHINE, A)].lease == bench.lease


def test_states_of_an_earlier_boot_are_removed(bench: Bench) -> None:
    bench.store.put(state_key(MACHINE, "old.service"), "{}")
    bench.settle()
    assert bench.state("old.service") is None


def test_state_is_known_before_the_unit_can_run(bench: Bench) -> None:
    seen: list[bool] = []
    bench.systemd.gate = lambda point: (
        seen.append(bench.state(A) is not None) if point.startswith("before write") else None
    )
    bench.run(A, SLEEPS)
    assert seen == [True]


def test_withdrawn_in_the_last_moment_is_not_started(bench: Bench) -> None:
    bench.assign(A, SLEEPS)

    def withdraw(point: str) -> None:
        if point.startswith("before commit"):
            bench.line.gate = open_gate
            bench.assign(A, SLEEPS, DesiredState.INACTIVE)

    bench.line.gate = withdraw
    bench.settle()
    assert bench.systemd.starts == [] and bench.systemd.disk == {}
    assert bench.state(A) is None


def test_lost_answer_does_not_hide_a_report(bench: Bench) -> None:
    bench.assign(A, SLEEPS)

    def lose_answer(point: str) -> None:
        if point.startswith("after commit"):
            bench.line.gate = open_gate
            raise KVUnavailableError("lost")

    bench.line.gate = lose_answer
    with pytest.raises(KVUnavailableError):
        bench.act()
    assert bench.state(A)
    bench.assign(A, SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    assert bench.state(A) is None


def test_state_is_known_on_the_new_lease_before_a_loaded_unit_is_started(bench: Bench) -> None:
    bench.assign(A, SLEEPS, DesiredState.LOADED)
    bench.settle()
    bench.lease = bench.store.grant(3600)
    leases: list[int] = []
    bench.systemd.gate = lambda point: (
        leases.append(bench.store.entries[state_key(MACHINE, A)].lease)
        if point.startswith("before start")
        else None
    )
    bench.run(A, SLEEPS)
    assert leases == [bench.lease]
