"""What fleetd does on its machine, rule by rule."""

import json
import logging

import pytest

from fleet_cluster.fleet.agent.actions import Action, next_action
from fleet_cluster.fleet.agent.checkpoint import LocalUnit, Progress
from fleet_cluster.fleet.kv import Changes, KVUnavailableError, LeaseLostError
from fleet_cluster.fleet.model.keys import CLUSTER, STATES, file_key, schedule_key, state_key
from fleet_cluster.fleet.model.records import Assignment, Cluster, DesiredState, UnitState
from fleet_cluster.fleet.systemd.manager import UnitStatus
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.agents import MACHINE, PATIENCE, Bench
from tests.unit.fleet.fakes.clock import open_gate
from tests.unit.fleet.fakes.systemd import FakeSystemd
from tests.unit.fleet.fakes.units import ENDS, FAILS, SLEEPS

A = "a.service"
CHANGED = SLEEPS + "# changed\n"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def local(progress: Progress, sha: str = "s", since: float = 0.0) -> LocalUnit:
    return LocalUnit(sha, progress, since, revision=1)


def told(target: DesiredState, sha: str = "s") -> Assignment:
    return Assignment(sha, target)


ABSENT = UnitStatus("not-found", "inactive", "dead")
DEAD = UnitStatus("loaded", "inactive", "dead")
DEAD_AGAIN = UnitStatus("loaded", "inactive", "dead", since=5.0)
RUNS = UnitStatus("loaded", "active", "running", since=5.0)
FAILED = UnitStatus("loaded", "failed", "failed", since=5.0)
QUEUED = UnitStatus("loaded", "inactive", "dead", job=True)


@pytest.mark.parametrize(
    ("unit", "wanted", "status", "step"),
    [
        (None, None, ABSENT, Action.NOTHING),
        (None, told(DesiredState.LAUNCHED), ABSENT, Action.WRITE),
        (None, told(DesiredState.LOADED), ABSENT, Action.WRITE),
        (None, told(DesiredState.INACTIVE), ABSENT, Action.NOTHING),
        (local(Progress.WRITING), told(DesiredState.LAUNCHED), DEAD, Action.WRITE),
        (local(Progress.LOADED), told(DesiredState.LAUNCHED), DEAD, Action.START),
        (local(Progress.LOADED), told(DesiredState.LOADED), DEAD, Action.NOTHING),
        (local(Progress.LOADED), told(DesiredState.LOADED), RUNS, Action.NOTHING),
        (local(Progress.STARTING), told(DesiredState.LAUNCHED), DEAD, Action.START),
        (local(Progress.STARTING), told(DesiredState.LAUNCHED), QUEUED, Action.STARTED),
        (local(Progress.STARTING), told(DesiredState.LAUNCHED), RUNS, Action.STARTED),
        (local(Progress.STARTING), told(DesiredState.LAUNCHED), FAILED, Action.STARTED),
        (local(Progress.STARTING), told(DesiredState.LAUNCHED), DEAD_AGAIN, Action.STARTED),
        (local(Progress.STARTING, since=5.0), told(DesiredState.LAUNCHED), FAILED, Action.START),
        (local(Progress.STARTED), told(DesiredState.LAUNCHED), RUNS, Action.NOTHING),
        (local(Progress.STARTED), told(DesiredState.LAUNCHED), FAILED, Action.NOTHING),
        (local(Progress.STARTED), told(DesiredState.LAUNCHED), DEAD, Action.NOTHING),
        (local(Progress.STARTED), told(DesiredState.LOADED), RUNS, Action.STOP),
        (local(Progress.STARTED), told(DesiredState.LOADED), FAILED, Action.STOPPED),
        (local(Progress.STARTED), told(DesiredState.LAUNCHED, "new"), RUNS, Action.STOP),
        (local(Progress.STARTED), told(DesiredState.LAUNCHED, "new"), DEAD, Action.WRITE),
        (local(Progress.STARTED), told(DesiredState.LAUNCHED, "new"), QUEUED, Action.STOP),
        (local(Progress.STARTED), told(DesiredState.INACTIVE), RUNS, Action.STOP),
        (local(Progress.STARTED), told(DesiredState.INACTIVE), FAILED, Action.REMOVE),
        (local(Progress.STARTED), None, RUNS, Action.NOTHING),
        (local(Progress.STOPPING), told(DesiredState.LAUNCHED), RUNS, Action.STOP),
        (local(Progress.STOPPING), told(DesiredState.LAUNCHED), DEAD, Action.STOPPED),
        (local(Progress.STOPPING), told(DesiredState.INACTIVE), DEAD, Action.REMOVE),
    ],
)
def test_next_step(
    unit: LocalUnit | None, wanted: Assignment | None, status: UnitStatus, step: Action
) -> None:
    assert next_action(unit, wanted, status) is step


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


def test_silence_is_no_instruction(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.remove(schedule_key(MACHINE, A))
    bench.settle()
    state = bench.state(A)
    assert bench.systemd.running() == {A: sha_of(SLEEPS)}
    assert state and state.orphan and bench.identity_changes == 1


@pytest.mark.parametrize("cluster", ["", "two"])
def test_another_store_stops_nothing(bench: Bench, cluster: str) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    if cluster:
        bench.store.put(CLUSTER, Cluster(cluster).to_json())
    bench.settle()
    state = bench.state(A)
    assert A in bench.systemd.running() and bench.identity_changes == 1
    assert state and state.orphan


def test_orphan_is_adopted_as_it_runs(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    bench.act()
    bench.calls()
    bench.run(A, SLEEPS)
    state = bench.state(A)
    assert bench.calls() == []
    assert state and not state.orphan


def test_orphan_obeys_only_after_a_while(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    bench.act()
    bench.assign(A, SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    assert A in bench.systemd.running()
    bench.clock.advance(PATIENCE)
    bench.settle()
    assert bench.systemd.running() == {}


def test_nothing_new_starts_until_the_leader_has_seen_what_runs(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    bench.act()
    bench.assign("new.service", SLEEPS)
    assert 0 < bench.act() <= PATIENCE
    assert bench.state("new.service") is None
    bench.clock.advance(PATIENCE)
    bench.settle()
    assert "new.service" in bench.systemd.running()


def test_time_without_the_store_does_not_count_as_a_while(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    bench.act()
    bench.assign(A, SLEEPS, DesiredState.INACTIVE)
    bench.clock.advance(PATIENCE)
    bench.connected_since = bench.clock() - 1
    assert bench.act() == PATIENCE - 1
    assert A in bench.systemd.running()


def test_wariness_outlives_a_restart(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    bench.act()
    bench.restart()
    bench.assign(A, SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    assert A in bench.systemd.running()


def test_restored_store_is_noticed_by_its_revision(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    old = bench.store.read("")
    bench.run(A, CHANGED)
    bench.store.restore(old)
    bench.lease = bench.store.grant(3600)
    bench.act()
    assert bench.identity_changes == 1
    assert bench.systemd.running() == {A: sha_of(CHANGED)}


def test_restored_store_is_noticed_by_an_older_assignment(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    old = bench.store.read("")
    bench.run(A, CHANGED)
    bench.store.restore(old)
    bench.lease = bench.store.grant(3600)
    for number in range(100):  # Others have written meanwhile: the revision is no help.
        bench.store.put(f"/fleet/machines/other{number}", "{}")
    bench.settle()
    assert bench.identity_changes == 1
    assert bench.systemd.running() == {A: sha_of(CHANGED)}


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


@pytest.mark.parametrize("text", ["", "{", '{"units": 3}'])
def test_lost_checkpoint_is_rebuilt_from_the_files(bench: Bench, text: str) -> None:
    bench.run(A, SLEEPS)
    bench.run("fails.service", FAILS)
    bench.assign("loaded.service", SLEEPS, DesiredState.LOADED)
    bench.settle()
    bench.checkpoint_file.text = text
    bench.restart()
    bench.calls()
    bench.settle()
    state = bench.state(A)
    assert bench.calls() == [] and state and not state.orphan
    assert "fails.service" in bench.checkpoint_file.text


def test_checkpoint_of_another_version_is_used(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    raw = json.loads(bench.checkpoint_file.text)
    del raw["wary"]
    raw["units"][A]["later"] = 1
    bench.checkpoint_file.text = json.dumps(raw)
    bench.restart()
    bench.calls()
    bench.settle()
    assert bench.calls() == [] and bench.identity_changes == 0


def test_lost_checkpoint_and_unknown_units_are_orphans(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.remove(schedule_key(MACHINE, A))
    bench.checkpoint_file.text = ""
    bench.restart()
    bench.settle()
    state = bench.state(A)
    assert A in bench.systemd.running() and state and state.orphan


def test_removed_files_are_written_again_and_nothing_is_started(bench: Bench) -> None:
    bench.run(A, FAILS)
    bench.run("b.service", SLEEPS)
    bench.systemd.disk.clear()
    bench.agent.resync()
    bench.calls()
    bench.settle()
    assert bench.systemd.disk == {A: FAILS, "b.service": SLEEPS}
    assert bench.calls() == ["reload"]


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
