from itertools import count
from threading import Timer

import pytest

from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.fleetctl.state import watcher
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.fleetctl.wait.outcome import Outcome, Reached, WaitCondition, Waiting
from fleet_cluster.fleet.fleetctl.wait.wait import Wait, say_nothing
from fleet_cluster.fleet.kv import Put
from fleet_cluster.fleet.model.records import Cluster, DesiredState
from tests.unit.fleet.fleetctl.small_cluster import SmallCluster


def test_sees_changes(cluster: SmallCluster) -> None:
    with Watcher(cluster.store) as following:
        cluster.add("hello.service")
        following.wait(60)
        assert "hello.service" in following.state.units
        assert following.state.entries == cluster.view().entries
        cluster.store.remove("/fleet/units/hello.service")
        following.wait(60)
        assert following.state.units == {} and not following.state.assigned("hello.service")
        assert following.state.entries == cluster.view().entries


def test_reads_again_when_a_watch_is_lost(cluster: SmallCluster) -> None:
    with Watcher(cluster.store) as following:
        cluster.store.lose_watches()
        cluster.add("hello.service", target=DesiredState.INACTIVE)
        following.wait(60)
        assert "hello.service" in following.state.units
        assert not following.lost


def test_what_is_lost_meanwhile_is_known_before_anything_is_read(cluster: SmallCluster) -> None:
    with Watcher(cluster.store) as following:
        Timer(0.05, cluster.store.lose_watches).start()
        following.wait(60)
        assert following.lost
        following.wait(60)
        assert not following.lost


def test_catches_up_with_what_was_written(cluster: SmallCluster) -> None:
    with Watcher(cluster.store) as following:
        revision = cluster.store.commit([Put("/fleet/cluster", "{}")])
        following.catch_up(revision)
        assert following.state.revision == revision


def test_catches_up_by_reading_when_the_watch_tells_nothing(
    cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "SLOW_SECONDS", 0.01)
    with Watcher(cluster.store) as following:
        revision = cluster.store.commit([Put("/elsewhere", "")])
        following.catch_up(revision)
        assert following.state.revision == revision


def test_tells_that_the_store_does_not_answer(cluster: SmallCluster) -> None:
    with Watcher(cluster.store) as following:
        cluster.store.lose_watches()
        cluster.store.unavailable = 2
        following.wait(0)
        assert following.lost
        following.wait(0)
        assert following.lost
        following.wait(0)
        assert not following.lost


def test_a_wait_names_what_it_waits_for(
    cluster: SmallCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = 0

    def condition(view: ClusterState) -> Outcome:
        nonlocal looks
        looks += 1
        return Waiting("not yet") if looks < 20 else Reached("done")

    with Watcher(cluster.store) as following:
        units = [f"web@{number}.service" for number in range(7)]
        conditions = dict.fromkeys(units, condition)
        Wait(following, conditions, slow_seconds=0.01, notice_seconds=0.01).run()
    error = capsys.readouterr().err
    assert "Waiting for:\n  web@0.service: not yet\n" in error
    assert "  and 2 more" in error


@pytest.mark.parametrize(("left", "is_told"), [(1.5, False), (60.0, True)])
def test_a_wait_that_ends_by_itself_in_a_moment_is_not_worth_a_line(
    cluster: SmallCluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    left: float,
    is_told: bool,
) -> None:
    seconds = count()
    looks = iter([*[Waiting("it has to stay active", again=left)] * 3, Reached("done")])

    def pass_by(_seconds: float) -> None: ...

    with Watcher(cluster.store) as following:
        monkeypatch.setattr(following, "wait", pass_by)
        conditions: dict[str, WaitCondition] = {"web.service": lambda _view: next(looks)}
        Wait(following, conditions, clock=lambda: float(next(seconds))).run()
    assert ("Waiting for:" in capsys.readouterr().err) == is_told


def test_a_wait_ends_when_all_are_there_at_the_same_moment(cluster: SmallCluster) -> None:
    outcomes = iter([Reached("up"), Waiting("down again"), Reached("up")])

    def shaky(view: ClusterState) -> Outcome:
        return next(outcomes)

    looks = iter([Waiting("slow"), Reached("up"), Reached("up")])

    def slow(view: ClusterState) -> Outcome:
        cluster.put("/fleet/cluster", Cluster("again"))
        return next(looks)

    with Watcher(cluster.store) as following:
        Wait(following, {"shaky.service": shaky, "slow.service": slow}, announce=say_nothing).run()
    assert next(outcomes, None) is None


def test_a_wait_tells_each_unit_once(
    cluster: SmallCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = iter([Waiting("slow"), Reached("slow is up")])

    def slow(view: ClusterState) -> Outcome:
        cluster.put("/fleet/cluster", Cluster("again"))
        return next(looks)

    with Watcher(cluster.store) as following:
        Wait(following, {"fast": lambda view: Reached("fast is up"), "slow": slow}).run()
    assert capsys.readouterr().out == "fast is up\nslow is up\n"
