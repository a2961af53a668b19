"""How often a unit that flaps is reported, and what is reported at once all the same."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from fleet_cluster.fleet.agent.rate_limit import SECONDS, RateLimit
from fleet_cluster.fleet.kv import Changes
from fleet_cluster.fleet.model.records import JOB_PENDING, UnitState
from tests.unit.fleet.agents import Bench
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.units import SLEEPS

A = "a.service"
RUNNING = UnitState("loaded", "active", "running", "5a")
FAILING = UnitState("loaded", "activating", "auto-restart", "5a", journal="words", reason="exit")
FAILED = replace(FAILING, active="failed", sub="failed")


class Machine:
    """A machine with one unit, which has run for long."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.limit = RateLimit(self.clock)
        self.reports: list[UnitState] = []
        self.is_in(RUNNING)
        self.clock.advance(100)

    def is_in(self, state: UnitState) -> None:
        """The unit is in a state that has just begun."""
        self.truth = replace(state, since=self.clock())
        self.look()

    def look(self) -> None:
        report = self.limit.passed(A, self.truth)
        if not self.reports or report != self.reports[-1]:
            self.reports.append(report)

    def flap(self, seconds: float, states: Iterable[UnitState] = (RUNNING, FAILING)) -> None:
        """It changes every 100 ms."""
        end = self.clock() + seconds
        while self.clock() < end:
            for state in states:
                self.is_in(state)
                self.clock.advance(0.1)

    def is_right(self) -> bool:
        return self.reports[-1] == self.truth


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_unit_that_flaps_is_reported_every_few_seconds(machine: Machine) -> None:
    machine.flap(10)
    machine.reports.clear()
    machine.flap(60)
    assert 60 / SECONDS - 2 <= len(machine.reports) <= 60 / SECONDS + 2


def test_how_many_flap_is_known(machine: Machine) -> None:
    assert machine.limit.flapping == 0
    machine.flap(10)
    assert machine.limit.flapping == 1
    machine.clock.advance(100)
    machine.look()
    assert machine.limit.flapping == 0


def test_a_unit_that_a_timer_starts_every_moment_is_as_well(machine: Machine) -> None:
    ended = replace(RUNNING, active="inactive", sub="dead")
    machine.flap(10, [replace(RUNNING, active="activating", sub="start"), ended])
    machine.reports.clear()
    machine.flap(60, [replace(RUNNING, active="activating", sub="start"), ended])
    assert len(machine.reports) <= 2 * 60 / SECONDS + 2


def test_its_first_changes_are_reported_at_once_with_the_journal(machine: Machine) -> None:
    machine.is_in(FAILING)
    assert machine.is_right() and machine.reports[-1].journal
    machine.is_in(RUNNING)
    assert machine.is_right() and not machine.limit.left()


def test_what_it_comes_to_is_reported_after_the_window(machine: Machine) -> None:
    machine.flap(30)
    machine.is_in(RUNNING)
    assert not machine.is_right() and 0 < machine.limit.left() <= SECONDS
    machine.clock.advance(machine.limit.left())
    machine.look()
    assert machine.is_right()


def test_what_has_failed_for_good_is_reported_at_once_with_the_journal(machine: Machine) -> None:
    machine.flap(30)
    machine.is_in(FAILED)
    assert machine.is_right() and machine.reports[-1].journal


def test_lines_of_the_journal_are_not_written_while_it_flaps(machine: Machine) -> None:
    machine.flap(10)
    machine.reports.clear()
    machine.flap(30)
    assert any(one.sub == "auto-restart" for one in machine.reports)
    assert {one.journal for one in machine.reports} == {""}


def test_lines_follow_when_it_waits_for_its_next_start(machine: Machine) -> None:
    machine.flap(30)
    machine.is_in(FAILING)
    looks = 0
    while left := machine.limit.left():
        machine.clock.advance(left)
        machine.look()
        looks += 1
    assert machine.is_right() and machine.reports[-1].journal and looks < 5


def test_a_new_start_is_reported_at_once_and_all_that_it_comes_to(machine: Machine) -> None:
    machine.flap(30)
    for _ in range(5):
        for state in (replace(RUNNING, active="activating", sub="start"), RUNNING, FAILING):
            machine.is_in(replace(state, start_requested_at=1.0))
            assert machine.is_right()


def test_a_start_of_long_ago_lets_no_more_through(machine: Machine) -> None:
    started = [replace(RUNNING, start_requested_at=1.0), replace(FAILING, start_requested_at=1.0)]
    machine.is_in(started[0])
    machine.clock.advance(3600)
    machine.reports.clear()
    machine.flap(3, started)
    assert len(machine.reports) < 9


def test_problems_are_reported_at_once(machine: Machine) -> None:
    machine.flap(30)
    machine.is_in(replace(RUNNING, problem="its file is missing in the store"))
    assert machine.is_right()


def test_a_job_that_waits_is_no_rest(machine: Machine) -> None:
    machine.flap(30)
    machine.is_in(replace(RUNNING, active="inactive", sub="dead", job=JOB_PENDING))
    assert not machine.is_right()


def test_the_agent_writes_what_was_held_back_when_its_time_comes(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.clock.advance(600)
    commits: list[Changes] = []
    bench.store.on_commit = commits.append
    for _ in range(100):
        bench.systemd.crash(A)
        bench.clock.advance(0.1)
        bench.act()
        bench.systemd.come_back(A)
        bench.act()
    assert len(commits) < 20 and 0 < bench.act() <= SECONDS
    bench.clock.advance(bench.act())
    bench.act()
    state = bench.state(A)
    assert state and (state.active, state.sub) == ("active", "running")


def test_a_unit_that_is_gone_holds_nothing_back(machine: Machine) -> None:
    machine.flap(30)
    machine.limit.keep(set())
    assert not machine.limit.left()
