"""A unit whose name has just gone is let run on for a moment before it is stopped."""

from dataclasses import replace

from fleet_cluster.fleet.coordination.shutdown_delay import MAX_SECONDS
from fleet_cluster.fleet.model.keys import file_key, schedule_key
from fleet_cluster.fleet.model.records import Assignment, DesiredState
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.agents import MACHINE, Bench
from tests.unit.fleet.fakes.units import SLEEPS

WEB = "web.service"
GONE = Assignment(sha_of(SLEEPS), DesiredState.INACTIVE, shutdown_delay=2.0)
NEWER = SLEEPS + "# newer\n"


def running(bench: Bench) -> None:
    bench.assign(WEB, SLEEPS)
    bench.settle()
    assert bench.systemd.active(WEB) == "active"


def tell(bench: Bench, assignment: Assignment) -> None:
    bench.store.put(schedule_key(MACHINE, WEB), assignment.to_json())


def test_it_runs_on_for_as_long_as_the_leader_says_and_is_looked_at_then(bench: Bench):
    running(bench)
    tell(bench, GONE)
    assert 0 < bench.act() <= 2.0
    bench.clock.advance(1.9)
    bench.act()
    assert bench.systemd.active(WEB) == "active"
    bench.clock.advance(0.2)
    bench.settle()
    assert WEB not in bench.systemd.present()


def test_a_changed_file_waits_too(bench: Bench):
    running(bench)
    bench.store.put(file_key(sha_of(NEWER)), NEWER)
    tell(bench, Assignment(sha_of(NEWER), DesiredState.LAUNCHED, shutdown_delay=2.0))
    bench.act()
    assert bench.systemd.disk[WEB] == SLEEPS
    bench.clock.advance(2.1)
    bench.settle()
    assert bench.systemd.disk[WEB] == NEWER and bench.systemd.active(WEB) == "active"


def test_what_nobody_was_told_of_stops_at_once(bench: Bench):
    running(bench)
    tell(bench, replace(GONE, shutdown_delay=0.0))
    bench.settle()
    assert WEB not in bench.systemd.present()


def test_a_second_instruction_begins_anew_and_no_record_holds_a_unit_for_long(bench: Bench):
    running(bench)
    tell(bench, GONE)
    bench.act()
    tell(bench, replace(GONE, shutdown_delay=1e9))
    bench.clock.advance(2.1)
    bench.act()
    assert bench.systemd.active(WEB) == "active"
    bench.clock.advance(MAX_SECONDS)
    bench.settle()
    assert WEB not in bench.systemd.present()


def test_it_is_told_to_run_again_meanwhile(bench: Bench):
    running(bench)
    tell(bench, GONE)
    bench.act()
    bench.assign(WEB, SLEEPS)
    bench.clock.advance(5)
    bench.settle()
    assert bench.systemd.active(WEB) == "active"
