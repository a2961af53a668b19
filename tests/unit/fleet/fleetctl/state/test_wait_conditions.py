from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.wait.outcome import Failed, Reached, WaitCondition, Waiting
from fleet_cluster.fleet.fleetctl.wait.start import healthy, launched, restarted
from fleet_cluster.fleet.fleetctl.wait.start_tracker import MAX_RESTARTS
from fleet_cluster.fleet.fleetctl.wait.stop import gone
from fleet_cluster.fleet.model import keys, records
from fleet_cluster.fleet.model.records import Assignment, DesiredState, Unit, UnitState
from fleet_cluster.fleet.unitfiles.unitfile import parse
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, WEB, SmallCluster

NAME = "hello.service"


@pytest.fixture
def condition(cluster: SmallCluster) -> WaitCondition:
    cluster.add(NAME)
    return launched(NAME, cluster.view().units[NAME], {})


def report(cluster: SmallCluster, active: str, sub: str) -> None:
    cluster.report(NAME, cluster.state(NAME, active, sub))


@pytest.mark.parametrize("active", ["active", "reloading", "refreshing"])
def test_active_is_there(cluster: SmallCluster, condition: WaitCondition, active: str) -> None:
    report(cluster, active, "running")
    assert condition(cluster.view()) == Reached(f"Unit {NAME} launched on 3f2a91bc.../10.0.0.11")


@pytest.mark.parametrize("active", ["activating", "deactivating"])
def test_others_are_waited_for(
    cluster: SmallCluster, condition: WaitCondition, active: str
) -> None:
    report(cluster, active, "x")
    assert condition(cluster.view()) == Waiting(f"{active} (x) on 3f2a91bc.../10.0.0.11", WEB.id)


def test_one_that_ended_at_once_is_there(cluster: SmallCluster, condition: WaitCondition) -> None:
    report(cluster, "inactive", "dead")
    assert isinstance(condition(cluster.view()), Reached)


def test_one_whose_file_is_not_there_yet_has_not_ended(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    sha = cluster.view().units[NAME].sha
    cluster.report(NAME, UnitState("not-found", "inactive", "dead", sha, since=5.0))
    assert isinstance(condition(cluster.view()), Waiting)


def test_one_that_was_seen_at_work_and_ended_is_there(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    view = cluster.view()
    condition = launched(NAME, view.units[NAME], view.reported(NAME))
    report(cluster, "activating", "start")
    assert isinstance(condition(cluster.view()), Waiting)
    report(cluster, "inactive", "dead")
    assert isinstance(condition(cluster.view()), Reached)


def test_one_that_is_only_loaded_is_waited_for(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    sha = cluster.view().units[NAME].sha
    cluster.report(NAME, UnitState("loaded", "inactive", "dead", sha))
    outcome = condition(cluster.view())
    assert isinstance(outcome, Waiting) and "not started yet, or it has ended" in outcome.why


def test_one_that_rests_from_before_is_waited_for(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    view = cluster.view()
    condition = launched(NAME, view.units[NAME], view.reported(NAME))
    report(cluster, "inactive", "dead")
    assert isinstance(condition(cluster.view()), Waiting)


def test_one_that_was_not_started_now_is_not_taken_for_ended(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    condition = launched(NAME, cluster.view().units[NAME], None)
    report(cluster, "inactive", "dead")
    assert isinstance(condition(cluster.view()), Waiting)
    report(cluster, "failed", "failed")
    assert isinstance(condition(cluster.view()), Failed)


def test_a_restart_is_waited_for_a_few_times(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    for _ in range(MAX_RESTARTS - 1):
        report(cluster, "activating", "auto-restart")
        assert isinstance(condition(cluster.view()), Waiting)
        assert isinstance(condition(cluster.view()), Waiting), "the same report counts once"
    report(cluster, "activating", "auto-restart")
    outcome = condition(cluster.view())
    assert isinstance(outcome, Failed) and "keeps failing" in outcome.reason


def test_a_failure_counts_once_however_often_it_is_told_of(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    """First it waits for its time, from systemd 254 on then for its job; last lines come later."""
    for _ in range(MAX_RESTARTS - 1):
        told = cluster.state(NAME, "activating", "auto-restart")
        queued = replace(told, sub="auto-restart-queued")
        for state in (told, replace(told, journal="why"), queued):
            cluster.report(NAME, state)
            assert isinstance(condition(cluster.view()), Waiting)
    report(cluster, "activating", "auto-restart")
    outcome = condition(cluster.view())
    assert isinstance(outcome, Failed) and "keeps failing" in outcome.reason


def test_a_restart_of_which_only_the_job_was_seen_counts_too(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    for _ in range(MAX_RESTARTS - 1):
        report(cluster, "activating", "auto-restart-queued")
        assert isinstance(condition(cluster.view()), Waiting)
    report(cluster, "activating", "auto-restart-queued")
    assert isinstance(condition(cluster.view()), Failed)


@pytest.mark.parametrize("between", [[], [("deactivating", "stop-post")]])
def test_a_restart_that_is_over_at_once_counts_too(
    cluster: SmallCluster, condition: WaitCondition, between: list[tuple[str, str]]
) -> None:
    """systemd 254 and later: what is bound to a unit starts it again before RestartSec= is over."""
    report(cluster, "activating", "start-post")
    assert isinstance(condition(cluster.view()), Waiting)
    for _ in range(MAX_RESTARTS - 1):
        begun = cluster.state(NAME, "activating", "start-pre")
        for attempt in (begun, replace(begun, sub="start-post")):
            cluster.report(NAME, attempt)
            assert isinstance(condition(cluster.view()), Waiting)
        for state in between:
            cluster.report(NAME, cluster.state(NAME, *state))
            assert isinstance(condition(cluster.view()), Waiting)
    report(cluster, "activating", "start-pre")
    outcome = condition(cluster.view())
    assert isinstance(outcome, Failed) and "keeps failing" in outcome.reason


def test_a_restart_counts_once_also_where_the_next_attempt_has_a_time_of_its_own(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    """As systemd before 254 reports it."""
    for _ in range(MAX_RESTARTS - 1):
        for sub in ("start", "auto-restart"):
            report(cluster, "activating", sub)
            assert isinstance(condition(cluster.view()), Waiting)


def test_a_failure_from_before_is_not_this_ones(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    report(cluster, "failed", "failed")
    view = cluster.view()
    later = launched(NAME, view.units[NAME], view.reported(NAME))
    assert isinstance(later(view), Waiting)
    assert isinstance(condition(view), Failed)


def test_what_the_machine_cannot_do_is_a_failure(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    sha = cluster.view().units[NAME].sha
    problem = UnitState("loaded", "inactive", "dead", sha, problem="refused: too many files")
    cluster.report(NAME, problem)
    assert condition(cluster.view()) == Failed(
        "3f2a91bc.../10.0.0.11: refused: too many files", WEB.id
    )


def test_a_unit_that_systemd_cannot_load_is_a_failure(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    sha = cluster.view().units[NAME].sha
    cluster.report(NAME, UnitState("bad-setting", "inactive", "dead", sha))
    outcome = condition(cluster.view())
    assert isinstance(outcome, Failed) and "bad-setting" in outcome.reason


def test_the_file_before_is_waited_out(cluster: SmallCluster, condition: WaitCondition) -> None:
    cluster.report(NAME, UnitState("loaded", "active", "running", "0" * 64))
    outcome = condition(cluster.view())
    assert isinstance(outcome, Waiting) and "the file before is still active" in outcome.why


def test_a_lost_machine_is_named(cluster: SmallCluster, condition: WaitCondition) -> None:
    cluster.leave(WEB)
    outcome = condition(cluster.view())
    assert isinstance(outcome, Waiting) and "3f2a91bc.../lost" in outcome.why


def test_no_leader_is_named(cluster: SmallCluster, condition: WaitCondition) -> None:
    sha = cluster.view().units[NAME].sha
    cluster.put(keys.schedule_key(WEB.id, NAME), Assignment(sha, DesiredState.LOADED))
    cluster.store.remove(keys.LEADER)
    outcome = condition(cluster.view())
    assert isinstance(outcome, Waiting) and "no fleetd leads" in outcome.why


def test_someone_elses_change_ends_the_wait(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    cluster.put(keys.unit_key(NAME), Unit("0" * 64, DesiredState.INACTIVE))
    outcome = condition(cluster.view())
    assert isinstance(outcome, Failed) and "someone else changed it" in outcome.reason


def test_gone_waits_for_the_state_to_go(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    view = cluster.view()
    stopping = UnitState("loaded", "deactivating", "stop", view.units[NAME].sha)
    cluster.put(keys.unit_key(NAME), Unit(view.units[NAME].sha, DesiredState.INACTIVE))
    cluster.put(keys.state_key(WEB.id, NAME), stopping)
    condition = gone(NAME, "gone")
    assert condition(cluster.view()) == Waiting("deactivating (stop) on 3f2a91bc.../10.0.0.11")
    cluster.store.remove(keys.state_key(WEB.id, NAME))
    assert condition(cluster.view()) == Reached("gone")


def test_one_that_has_ended_stays_so_when_systemd_forgets_it(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    report(cluster, "inactive", "dead")
    assert isinstance(condition(cluster.view()), Reached)
    sha = cluster.view().units[NAME].sha
    cluster.report(NAME, UnitState("loaded", "inactive", "dead", sha, since=0))
    assert isinstance(condition(cluster.view()), Reached)


class Watch:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


LASTING = SLEEP + "[X-Fleet]\nHealthySec=2\n"


def started(cluster: SmallCluster, clock: Watch | None = None) -> WaitCondition:
    cluster.add(NAME, LASTING)
    cluster.store.remove(keys.state_key(WEB.id, NAME))
    unit = cluster.view().units[NAME]
    return launched(NAME, unit, {}, clock) if clock else launched(NAME, unit, {})


def test_one_that_was_started_has_to_stay_active(cluster: SmallCluster) -> None:
    clock = Watch()
    condition = started(cluster, clock)
    report(cluster, "active", "running")
    where = "3f2a91bc.../10.0.0.11"
    assert condition(cluster.view()) == Waiting(
        f"active on {where}; it has to stay so for 2.0 s", WEB.id, 2.0
    )
    clock.now += 2
    assert isinstance(condition(cluster.view()), Reached)


def test_one_that_ends_soon_has_failed(cluster: SmallCluster) -> None:
    condition = started(cluster)
    report(cluster, "active", "running")
    assert isinstance(condition(cluster.view()), Waiting)
    failed = replace(cluster.state(NAME, "failed", "failed"), reason="exit-code")
    cluster.report(NAME, failed)
    assert condition(cluster.view()) == Failed(
        "it failed on 3f2a91bc.../10.0.0.11: exit-code", WEB.id
    )


@pytest.mark.parametrize(
    "seen", [[("activating", "auto-restart"), ("active", "running")], [("active", "running")]]
)
def test_one_that_comes_back_each_time_has_to_stay_so_too(
    cluster: SmallCluster, seen: list[tuple[str, str]]
) -> None:
    condition = started(cluster)
    report(cluster, "active", "running")
    assert isinstance(condition(cluster.view()), Waiting)
    for _ in range(MAX_RESTARTS - 1):
        for active, sub in seen:
            report(cluster, active, sub)
            assert isinstance(condition(cluster.view()), Waiting)
    report(cluster, *seen[0])
    outcome = condition(cluster.view())
    assert isinstance(outcome, Failed) and "keeps failing" in outcome.reason


def test_the_time_begins_again_with_each_run(cluster: SmallCluster) -> None:
    clock = Watch()
    condition = started(cluster, clock)
    report(cluster, "active", "running")
    condition(cluster.view())
    clock.now += 1.5
    report(cluster, "activating", "auto-restart")
    condition(cluster.view())
    report(cluster, "active", "running")
    condition(cluster.view())
    clock.now += 1.5
    outcome = condition(cluster.view())
    assert isinstance(outcome, Waiting) and outcome.again == 0.5


def test_one_that_was_not_started_now_has_nothing_to_prove(cluster: SmallCluster) -> None:
    cluster.add(NAME, LASTING)
    report(cluster, "active", "running")
    assert isinstance(launched(NAME, cluster.view().units[NAME], None)(cluster.view()), Reached)


@pytest.mark.parametrize(
    ("name", "text", "seconds"),
    [
        ("a.service", SLEEP, 2.0),
        ("a.service", "[Service]\nType=notify\nExecStart=/bin/sleep inf\n", 2.0),
        ("a.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n", 0.0),
        ("a.service", "[Service]\nRemainAfterExit=yes\nExecStop=/bin/true\n", 0.0),
        ("a.timer", "[Timer]\nOnActiveSec=1h\n", 0.0),
        ("a.timer", "[Timer]\nOnActiveSec=1h\n[X-Fleet]\nHealthySec=7\n", 7.0),
    ],
)
def test_what_has_no_process_that_goes_on_proves_nothing_by_time(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, seconds: float
) -> None:
    monkeypatch.undo()
    assert parse(name, text).healthy_seconds == seconds


def ended(cluster: SmallCluster, job: str, reason: str) -> UnitState:
    """A unit at rest, whose start job has ended."""
    sha = cluster.view().units[NAME].sha
    return UnitState(
        "loaded", "inactive", "dead", sha, start_requested_at=cluster.clock, job=job, reason=reason
    )


def test_a_job_that_ends_without_the_unit_ends_the_wait(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    cluster.report(NAME, ended(cluster, records.JOB_PENDING, ""))
    outcome = condition(cluster.view())
    assert isinstance(outcome, Waiting) and "systemd has a job for it" in outcome.why
    cluster.report(NAME, ended(cluster, "dependency", "it needs db.service, which is failed"))
    assert condition(cluster.view()) == Failed(
        "systemd did not start it on 3f2a91bc.../10.0.0.11: dependency: "
        "it needs db.service, which is failed",
        WEB.id,
    )


def test_an_unmet_condition_is_told_and_is_no_failure(
    cluster: SmallCluster, condition: WaitCondition
) -> None:
    cluster.report(NAME, ended(cluster, records.JOB_DONE, "ConditionPathExists=/a is not met"))
    where = "3f2a91bc.../10.0.0.11"
    note = f"systemd skipped it on {where}: ConditionPathExists=/a is not met"
    assert condition(cluster.view()) == Reached(
        f"Unit {NAME} skipped on {where}", f"{NAME}: {note}"
    )


def test_a_job_that_ended_before_is_not_this_ones(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    cluster.report(NAME, ended(cluster, "timeout", ""))
    view = cluster.view()
    condition = launched(NAME, view.units[NAME], view.reported(NAME))
    assert isinstance(condition(view), Waiting)
    cluster.clock += 1
    cluster.report(NAME, ended(cluster, "timeout", ""))
    assert isinstance(condition(cluster.view()), Failed)


def test_a_run_that_replaces_one_is_not_relied_on_when_it_is_skipped(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    unit = cluster.view().units[NAME]
    condition = healthy(NAME, unit, {}, Watch())
    cluster.report(NAME, ended(cluster, records.JOB_DONE, "ConditionPathExists=/a is not met"))
    assert isinstance(condition(cluster.view()), Failed)


def test_a_restart_is_over_when_there_is_another_run(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    view = cluster.view()
    before = view.reported(NAME)[WEB.id]
    condition = restarted(NAME, view.units[NAME], WEB.id, before)
    assert isinstance(condition(view), Waiting)
    report(cluster, "deactivating", "stop")
    assert isinstance(condition(cluster.view()), Waiting)
    cluster.report(NAME, replace(cluster.state(NAME, "inactive", "dead"), job=records.JOB_PENDING))
    assert isinstance(condition(cluster.view()), Waiting)
    report(cluster, "active", "running")
    assert condition(cluster.view()) == Reached(f"Unit {NAME} launched on 3f2a91bc.../10.0.0.11")


def test_one_that_was_done_before_its_restart_was_reported(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    cluster.report(NAME, cluster.state(NAME, "inactive", "dead"))
    view = cluster.view()
    before = view.reported(NAME)[WEB.id]
    again = restarted(NAME, view.units[NAME], WEB.id, before)
    later = launched(NAME, view.units[NAME], view.reported(NAME))
    told = cluster.clock
    cluster.report(NAME, replace(cluster.state(NAME, "inactive", "dead"), start_requested_at=told))
    assert isinstance(again(cluster.view()), Reached)
    assert isinstance(later(cluster.view()), Reached)
