"""Units at rest are to run, however their restart ends."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import TimedOutError
from fleet_cluster.fleet.fleetctl.wait.outcome import Reached, Waiting
from fleet_cluster.fleet.fleetctl.wait.stop import unstarted
from fleet_cluster.fleet.kv import Condition, KVUnavailableError, Operation
from fleet_cluster.fleet.model.keys import unit_key
from fleet_cluster.fleet.model.records import DesiredState
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

NAME = "hello.service"
DOCUMENT = json.dumps({"owner": "web", "units": {NAME: {"text": SLEEP}}})
COMMANDS = [["start", NAME], ["apply"]]


@pytest.fixture(autouse=True)
def _failed(cluster: SmallCluster, fleetctl: Fleetctl) -> None:  # pyright: ignore[reportUnusedFunction]
    fleetctl.document = DOCUMENT
    fleetctl("apply")
    cluster.report(NAME, cluster.state(NAME, "failed", "failed"))


def desired(cluster: SmallCluster) -> DesiredState:
    return cluster.view().units[NAME].desired_state


@pytest.mark.parametrize("words", COMMANDS)
def test_they_are_to_run_when_the_time_limit_comes_first(
    fleetctl: Fleetctl, cluster: SmallCluster, words: list[str]
) -> None:
    cluster.stubborn.add(NAME)
    with pytest.raises(TimedOutError, match="deactivating"):
        fleetctl(*words, "--timeout", "0.01")
    assert desired(cluster) is DesiredState.LAUNCHED


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("reads", [1, 2], ids=["for a moment", "for longer"])
def test_they_are_to_run_when_etcd_went_away_meanwhile(
    fleetctl: Fleetctl,
    cluster: SmallCluster,
    words: list[str],
    reads: int,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer to the commit is lost, and then so many reads fail."""
    commit = cluster.store.commit

    def lose(operations: Sequence[Operation], *conditions: Condition) -> int:
        revision = commit(operations, *conditions)
        if unit_key(NAME) in {one.key for one in operations}:
            monkeypatch.setattr(cluster.store, "commit", commit)
            cluster.store.unavailable = reads
            raise KVUnavailableError("no member answered")
        return revision

    monkeypatch.setattr(cluster.store, "commit", lose)
    with pytest.raises(KVUnavailableError):
        fleetctl(*words)
    assert cluster.store.unavailable == 0
    assert (desired(cluster) is DesiredState.LAUNCHED) == (reads == 1)
    assert (f"fleetctl start {NAME}" in capsys.readouterr().err) == (reads == 2)


def test_one_is_not_started_anew_before_its_machine_has_seen_that_it_is_not_to_run(
    cluster: SmallCluster,
) -> None:
    loaded = replace(cluster.view().units[NAME], desired_state=DesiredState.LOADED)
    cluster.put(unit_key(NAME), loaded)
    at_rest = cluster.state(NAME, "inactive", "dead")
    old = replace(at_rest, start_requested_at=5.0)
    cluster.report(NAME, old)
    assert isinstance(unstarted(NAME, loaded, {})(cluster.view()), Waiting)
    before = dict.fromkeys(cluster.view().assigned(NAME), replace(old, problem="refused"))
    assert isinstance(unstarted(NAME, loaded, before)(cluster.view()), Reached)
    cluster.report(NAME, at_rest)
    assert isinstance(unstarted(NAME, loaded, {})(cluster.view()), Reached)
