"""What the agent does on its machine, with everything it is made of."""

import logging

import pytest

from fleet_cluster.fleet.kv import Changes, KVUnavailableError
from fleet_cluster.fleet.model.keys import STATES, file_key, schedule_key
from fleet_cluster.fleet.model.records import Assignment, DesiredState, UnitState
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.agents import MACHINE, Bench
from tests.unit.fleet.fakes.systemd import FakeSystemd
from tests.unit.fleet.fakes.units import ENDS, FAILS, SLEEPS

A = "a.service"
CHANGED = SLEEPS + "# changed\n"


def test_many_units_take_one_reload(bench: Bench) -> None:
    for number in range(200):
        bench.assign(f"u{number}.service", SLEEPS)
    bench.act()
    calls = bench.calls()
    assert calls.count("reload") == 1
    assert len([call for call in calls if call.startswith("start")]) == 200
    bench.settle()
    assert len(bench.systemd.running()) == 200


def test_start_once(bench: Bench) -> None:
    bench.run("fails.service", FAILS)
    bench.run("ends.service", ENDS)
    bench.agent.resync()
    bench.settle()
    bench.restart()
    bench.settle()
    assert sorted(one.name for one in bench.systemd.starts) == ["ends.service", "fails.service"]
    failed = bench.state("fails.service")
    assert failed and failed.active == "failed"


def test_starts_again_after_it_was_stopped_on_request(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.assign(A, SLEEPS, DesiredState.LOADED)
    bench.settle()
    assert bench.systemd.running() == {} and A in bench.systemd.disk
    bench.assign(A, SLEEPS)
    bench.settle()
    assert A in bench.systemd.running()


def test_loaded_is_there_and_not_started(bench: Bench) -> None:
    bench.assign(A, SLEEPS, DesiredState.LOADED)
    bench.settle()
    state = bench.state(A)
    assert state and (state.load, state.active) == ("loaded", "inactive")
    assert bench.systemd.starts == []


def test_changed_content_stops_under_the_old_file(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    on_disk_at_stop: list[str] = []
    bench.systemd.on_stop = lambda name: on_disk_at_stop.append(bench.systemd.disk[name])
    bench.run(A, CHANGED)
    assert on_disk_at_stop == [SLEEPS]
    assert bench.systemd.running() == {A: sha_of(CHANGED)}


def test_told_to_stop_removes_everything(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.assign(A, SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    assert bench.systemd.running() == {} and bench.systemd.disk == {}
    assert bench.state(A) is None
    assert 'units": {}' in bench.checkpoint_file.text


def test_failed_unit_can_be_removed(bench: Bench) -> None:
    bench.run(A, FAILS)
    bench.assign(A, FAILS, DesiredState.INACTIVE)
    bench.settle()
    assert bench.systemd.disk == {} and bench.state(A) is None


def test_nothing_new_without_a_lease(bench: Bench) -> None:
    bench.assign(A, SLEEPS)
    bench.act(lease=0)
    assert bench.systemd.disk == {}


def test_nothing_new_before_the_leader_knows_that_the_machine_is_alive(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.systemd.fail(A)
    bench.assign("new.service", SLEEPS)
    bench.act(announced=False)
    state = bench.state(A)
    assert "new.service" not in bench.systemd.disk
    assert state and state.active == "failed"


def test_missing_file_is_told_and_starts_when_it_is_there(bench: Bench) -> None:
    bench.store.put(
        schedule_key(MACHINE, A), Assignment(sha_of(SLEEPS), DesiredState.LAUNCHED).to_json()
    )
    bench.settle()
    state = bench.state(A)
    assert state and state.problem == "its file is missing in the store"
    bench.store.put(file_key(sha_of(SLEEPS)), SLEEPS)
    bench.agent.resync()
    bench.settle()
    state = bench.state(A)
    assert A in bench.systemd.running() and state and state.problem == ""


def test_units_of_the_machine_itself_are_not_touched() -> None:
    bench = Bench()
    bench.systemd = FakeSystemd(bench.clock, foreign={"ssh.service": "its own"})
    bench.restart()
    told: list[UnitState] = []

    def note(changes: Changes) -> None:
        told.extend(UnitState.from_json(entry.value) for entry in changes.puts.values())

    bench.store.watch(STATES, bench.store.revision, note, lambda: None)
    bench.assign("ssh.service", SLEEPS)
    bench.settle()
    assert [(state.load, state.active) for state in told] == [("not-found", "inactive")]
    assert told[0].problem.startswith(
        "the machine has its own unit of this name (/lib/systemd/system/ssh.service)"
    )
    assert bench.systemd.disk == {} and bench.calls() == []
    bench.assign("ssh.service", SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    assert bench.state("ssh.service") is None and bench.calls() == []


def test_a_slice_that_systemd_made_up_is_not_the_machines_own(bench: Bench) -> None:
    bench.systemd.made_up.add("my.slice")
    bench.run("my.slice", "[Slice]\nCPUWeight=50\n")
    state = bench.state("my.slice")
    assert state and (state.load, state.active, state.problem) == ("loaded", "active", "")
    assert "start my.slice" in bench.calls()


def test_refused_start_is_told_and_tried_again_when_units_have_changed(bench: Bench) -> None:
    bench.systemd.refuse[A] = "Unit b.service not found."
    bench.run(A, SLEEPS)
    state = bench.state(A)
    assert state and state.problem == "cannot be started: Unit b.service not found."
    assert bench.calls().count(f"start {A}") == 1
    del bench.systemd.refuse[A]
    bench.run("b.service", SLEEPS)
    state = bench.state(A)
    assert A in bench.systemd.running() and state and state.problem == ""


def test_unreadable_assignment_changes_nothing(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.put(schedule_key(MACHINE, A), "{")
    bench.run("b.service", SLEEPS)
    state = bench.state(A)
    assert sorted(bench.systemd.running()) == [A, "b.service"]
    assert state and state.problem.startswith("not a assignment record")


def test_store_that_is_away_stops_nothing(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.line.cut()
    bench.systemd.fail(A)
    with pytest.raises(KVUnavailableError):
        bench.act()
    bench.line.up = True
    bench.settle()
    state = bench.state(A)
    assert bench.calls().count(f"stop {A}") == 0
    assert state and state.active == "failed"


def test_each_line_about_a_unit_names_it_for_the_journal(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        bench.run(A, SLEEPS)
        bench.assign(A, SLEEPS, DesiredState.INACTIVE)
        bench.settle()
    about = [getattr(record, "fleet", {}) for record in caplog.records]
    events = [one["FLEET_EVENT"] for one in about if one.get("FLEET_UNIT") == A]
    assert events == ["start", "stop", "remove"]


BOUND = "[Unit]\nBindsTo=b.service\n" + SLEEPS


def test_what_is_to_run_is_started_with_what_it_is_bound_to(bench: Bench) -> None:
    bench.run(A, BOUND)
    assert bench.systemd.linked == {A}
    assert bench.calls() == ["reload", f"start {A}"]
    bench.assign(A, BOUND, DesiredState.LOADED)
    bench.settle()
    assert bench.systemd.linked == set() and bench.calls() == [f"stop {A}", "reload"]
    bench.assign(A, BOUND)
    bench.settle()
    assert bench.systemd.linked == {A}
    assert bench.calls() == ["reload", f"reset-failed {A}", f"start {A}"]


def test_an_orphan_is_started_with_what_it_is_bound_to(bench: Bench) -> None:
    bench.run(A, BOUND)
    bench.store.remove(schedule_key(MACHINE, A))
    bench.settle()
    state = bench.state(A)
    assert state and state.orphan and bench.systemd.linked == {A}


def test_so_is_an_orphan_of_which_the_start_is_not_noted(bench: Bench) -> None:
    bench.start_without_answer(A, BOUND)
    bench.store.remove(schedule_key(MACHINE, A))
    bench.restart()
    bench.settle()
    assert A in bench.systemd.running() and bench.systemd.linked == {A}
