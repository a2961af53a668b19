"""Next actions, rule by rule."""

import pytest

from fleet_cluster.fleet.agent.actions import Action, next_action
from fleet_cluster.fleet.agent.checkpoint import LocalUnit, Progress
from fleet_cluster.fleet.model.records import Assignment, DesiredState
from fleet_cluster.fleet.systemd.manager import UnitStatus


def local(progress: Progress, sha: str = "s", since: float = 0.0) -> LocalUnit:
    return LocalUnit(sha, progress, since, revision=1)


def assign(target: DesiredState, sha: str = "s") -> Assignment:
    return Assignment(sha, target)


LEAVING = Assignment("s", DesiredState.LAUNCHED, destination="m2")
ABSENT = UnitStatus("not-found", "inactive", "dead")
DEAD = UnitStatus("loaded", "inactive", "dead")
DEAD_AGAIN = UnitStatus("loaded", "inactive", "dead", since=5.0)
RUNS = UnitStatus("loaded", "active", "running", since=5.0)
FAILED = UnitStatus("loaded", "failed", "failed", since=5.0)
QUEUED = UnitStatus("loaded", "inactive", "dead", job=True)


@pytest.mark.parametrize(
    ("unit", "wanted", "status", "action"),
    [
        (None, None, ABSENT, Action.NOTHING),
        (None, assign(DesiredState.LAUNCHED), ABSENT, Action.WRITE),
        (None, assign(DesiredState.LOADED), ABSENT, Action.WRITE),
        (None, assign(DesiredState.INACTIVE), ABSENT, Action.NOTHING),
        (local(Progress.WRITING), assign(DesiredState.LAUNCHED), DEAD, Action.WRITE),
        (local(Progress.LOADED), assign(DesiredState.LAUNCHED), DEAD, Action.START),
        (local(Progress.LOADED), assign(DesiredState.LOADED), DEAD, Action.NOTHING),
        (local(Progress.LOADED), assign(DesiredState.LOADED), RUNS, Action.NOTHING),
        (local(Progress.STARTING), assign(DesiredState.LAUNCHED), DEAD, Action.START),
        (local(Progress.STARTING), assign(DesiredState.LAUNCHED), QUEUED, Action.STARTED),
        (local(Progress.STARTING), assign(DesiredState.LAUNCHED), RUNS, Action.STARTED),
        (local(Progress.STARTING), assign(DesiredState.LAUNCHED), FAILED, Action.STARTED),
        (local(Progress.STARTING), assign(DesiredState.LAUNCHED), DEAD_AGAIN, Action.STARTED),
        (
            local(Progress.STARTING, since=5.0),
            assign(DesiredState.LAUNCHED),
            FAILED,
            Action.START,
        ),
        (local(Progress.STARTED), assign(DesiredState.LAUNCHED), RUNS, Action.NOTHING),
        (local(Progress.STARTED), assign(DesiredState.LAUNCHED), FAILED, Action.NOTHING),
        (local(Progress.STARTED), assign(DesiredState.LAUNCHED), DEAD, Action.NOTHING),
        (local(Progress.STARTED), assign(DesiredState.LOADED), RUNS, Action.STOP),
        (local(Progress.STARTED), assign(DesiredState.LOADED), FAILED, Action.STOPPED),
        (local(Progress.STARTED), assign(DesiredState.LAUNCHED, "new"), RUNS, Action.STOP),
        (local(Progress.STARTED), assign(DesiredState.LAUNCHED, "new"), DEAD, Action.WRITE),
        (local(Progress.STARTED), assign(DesiredState.LAUNCHED, "new"), QUEUED, Action.STOP),
        (local(Progress.STARTED), assign(DesiredState.INACTIVE), RUNS, Action.STOP),
        (local(Progress.STARTED), assign(DesiredState.INACTIVE), FAILED, Action.REMOVE),
        (None, LEAVING, ABSENT, Action.WRITE),
        (local(Progress.LOADED), LEAVING, DEAD, Action.NOTHING),
        (local(Progress.STARTING), LEAVING, DEAD, Action.NOTHING),
        (local(Progress.STARTING), LEAVING, RUNS, Action.STARTED),
        (local(Progress.STARTED), LEAVING, RUNS, Action.NOTHING),
        (local(Progress.STARTED), None, RUNS, Action.NOTHING),
        (local(Progress.STARTING), None, RUNS, Action.STARTED),
        (local(Progress.STARTING), None, DEAD, Action.NOTHING),
        (local(Progress.STARTING, since=5.0), None, FAILED, Action.NOTHING),
        (local(Progress.LOADED), None, DEAD, Action.NOTHING),
        (local(Progress.STOPPING), assign(DesiredState.LAUNCHED), RUNS, Action.STOP),
        (local(Progress.STOPPING), assign(DesiredState.LAUNCHED), DEAD, Action.STOPPED),
        (local(Progress.STOPPING), assign(DesiredState.INACTIVE), DEAD, Action.REMOVE),
    ],
)
def test_next_action(
    unit: LocalUnit | None, wanted: Assignment | None, status: UnitStatus, action: Action
) -> None:
    assert next_action(unit, wanted, status) is action
