import pytest

from components.fleet import model
from components.fleet.ctl import goals
from components.fleet.ctl.goals import Failed, Goal, Reached, Waiting
from components.fleet.model import Assignment, Target, Unit, UnitState

from .small_cluster import WEB, SmallCluster

NAME = "hello.service"


@pytest.fixture
def goal(cluster: SmallCluster) -> Goal:
    cluster.add(NAME)
    return goals.launched(NAME, cluster.view().units[NAME], {})


def report(cluster: SmallCluster, active: str, sub: str) -> None:
    cluster.report(NAME, cluster.state(NAME, active, sub))


@pytest.mark.parametrize("active", ["active", "reloading"])
def test_active_is_there(cluster: SmallCluster, goal: Goal, active: str) -> None:
    report(cluster, active, "running")
    assert goal(cluster.view()) == Reached(f"Unit {NAME} launched on 3f2a91bc.../10.0.0.11")


@pytest.mark.parametrize("active", ["activating", "deactivating"])
def test_others_are_waited_for(cluster: SmallCluster, goal: Goal, active: str) -> None:
    report(cluster, active, "x")
    assert goal(cluster.view()) == Waiting(f"{active} (x) on 3f2a91bc.../10.0.0.11", WEB.id)


def test_one_that_ended_at_once_is_there(cluster: SmallCluster, goal: Goal) -> None:
    report(cluster, "inactive", "dead")
    assert isinstance(goal(cluster.view()), Reached)


def test_one_whose_file_is_not_there_yet_has_not_ended(cluster: SmallCluster, goal: Goal) -> None:
    sha = cluster.view().units[NAME].sha
    cluster.report(NAME, UnitState("not-found", "inactive", "dead", sha, since=5.0))
    assert isinstance(goal(cluster.view()), Waiting)


def test_one_that_was_seen_at_work_and_ended_is_there(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    view = cluster.view()
    goal = goals.launched(NAME, view.units[NAME], view.reported(NAME))
    report(cluster, "activating", "start")
    assert isinstance(goal(cluster.view()), Waiting)
    report(cluster, "inactive", "dead")
    assert isinstance(goal(cluster.view()), Reached)


def test_one_that_is_only_loaded_is_waited_for(cluster: SmallCluster, goal: Goal) -> None:
    sha = cluster.view().units[NAME].sha
    cluster.report(NAME, UnitState("loaded", "inactive", "dead", sha))
    outcome = goal(cluster.view())
    assert isinstance(outcome, Waiting) and "not started yet, or it has ended" in outcome.why


def test_one_that_rests_from_before_is_waited_for(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    view = cluster.view()
    goal = goals.launched(NAME, view.units[NAME], view.reported(NAME))
    report(cluster, "inactive", "dead")
    assert isinstance(goal(cluster.view()), Waiting)


def test_one_that_was_not_started_now_is_not_taken_for_ended(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    goal = goals.launched(NAME, cluster.view().units[NAME], None)
    report(cluster, "inactive", "dead")
    assert isinstance(goal(cluster.view()), Waiting)
    report(cluster, "failed", "failed")
    assert isinstance(goal(cluster.view()), Failed)


def test_a_restart_is_waited_for_a_few_times(cluster: SmallCluster, goal: Goal) -> None:
    for _ in range(goals.MAX_RESTARTS - 1):
        report(cluster, "activating", "auto-restart")
        assert isinstance(goal(cluster.view()), Waiting)
        assert isinstance(goal(cluster.view()), Waiting), "the same report counts once"
    report(cluster, "activating", "auto-restart")
    outcome = goal(cluster.view())
    assert isinstance(outcome, Failed) and "keeps failing" in outcome.reason


def test_a_failure_from_before_is_not_this_ones(cluster: SmallCluster, goal: Goal) -> None:
    report(cluster, "failed", "failed")
    view = cluster.view()
    later = goals.launched(NAME, view.units[NAME], view.reported(NAME))
    assert isinstance(later(view), Waiting)
    assert isinstance(goal(view), Failed)


def test_what_the_machine_cannot_do_is_a_failure(cluster: SmallCluster, goal: Goal) -> None:
    sha = cluster.view().units[NAME].sha
    problem = UnitState("loaded", "inactive", "dead", sha, problem="refused: too many files")
    cluster.report(NAME, problem)
    assert goal(cluster.view()) == Failed("3f2a91bc.../10.0.0.11: refused: too many files", WEB.id)


def test_a_unit_that_systemd_cannot_load_is_a_failure(cluster: SmallCluster, goal: Goal) -> None:
    sha = cluster.view().units[NAME].sha
    cluster.report(NAME, UnitState("bad-setting", "inactive", "dead", sha))
    outcome = goal(cluster.view())
    assert isinstance(outcome, Failed) and "bad-setting" in outcome.reason


def test_the_file_before_is_waited_out(cluster: SmallCluster, goal: Goal) -> None:
    cluster.report(NAME, UnitState("loaded", "active", "running", "0" * 64))
    outcome = goal(cluster.view())
    assert isinstance(outcome, Waiting) and "the file before is still active" in outcome.why


def test_a_lost_machine_is_named(cluster: SmallCluster, goal: Goal) -> None:
    cluster.leave(WEB)
    outcome = goal(cluster.view())
    assert isinstance(outcome, Waiting) and "3f2a91bc.../lost" in outcome.why


def test_no_leader_is_named(cluster: SmallCluster, goal: Goal) -> None:
    sha = cluster.view().units[NAME].sha
    cluster.put(model.schedule_key(WEB.id, NAME), Assignment(sha, Target.LOADED))
    cluster.store.remove(model.LEADER)
    outcome = goal(cluster.view())
    assert isinstance(outcome, Waiting) and "no fleetd leads" in outcome.why


def test_someone_elses_change_ends_the_wait(cluster: SmallCluster, goal: Goal) -> None:
    cluster.put(model.unit_key(NAME), Unit("0" * 64, Target.INACTIVE))
    outcome = goal(cluster.view())
    assert isinstance(outcome, Failed) and "someone else changed it" in outcome.reason


def test_gone_waits_for_the_state_to_go(cluster: SmallCluster) -> None:
    cluster.add(NAME)
    view = cluster.view()
    stopping = UnitState("loaded", "deactivating", "stop", view.units[NAME].sha)
    cluster.put(model.unit_key(NAME), Unit(view.units[NAME].sha, Target.INACTIVE))
    cluster.put(model.state_key(WEB.id, NAME), stopping)
    goal = goals.gone(NAME, "gone")
    assert goal(cluster.view()) == Waiting("deactivating (stop) on 3f2a91bc.../10.0.0.11")
    cluster.store.remove(model.state_key(WEB.id, NAME))
    assert goal(cluster.view()) == Reached("gone")


def test_one_that_has_ended_stays_so_when_systemd_forgets_it(
    cluster: SmallCluster, goal: Goal
) -> None:
    report(cluster, "inactive", "dead")
    assert isinstance(goal(cluster.view()), Reached)
    sha = cluster.view().units[NAME].sha
    cluster.report(NAME, UnitState("loaded", "inactive", "dead", sha, since=0))
    assert isinstance(goal(cluster.view()), Reached)
