import pytest

from components.fleet import model
from components.fleet.ctl.errors import CtlError, Exit, TimedOutError
from components.fleet.model import Target, UnitState
from components.fleet.store import Changes

from .small_cluster import FakeMachines, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]


def test_one_after_the_other_where_they_are(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("a.service")
    cluster.add("b.service")
    places = cluster.view().placements()
    assert fleetctl("restart", "a", "b") == Exit.DONE
    assert cluster.log == ["stop a.service", "start a.service", "stop b.service", "start b.service"]
    assert cluster.view().placements() == places
    assert capsys.readouterr().out.count("launched on") == 2


def test_one_that_does_not_run_is_refused_before_any_is_touched(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add("a.service")
    cluster.add("b.service", target=Target.LOADED)
    with pytest.raises(CtlError, match="b.service is loaded"):
        fleetctl("restart", "a", "b")
    assert cluster.log == []


def test_the_first_that_fails_ends_it(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.add("a.service")
    cluster.add("b.service")
    cluster.behaviour["a.service"] = [UnitState("loaded", "failed", "failed", "")]
    assert fleetctl("restart", "a", "b") == Exit.FAILED
    assert list(machines.explained) == ["a.service"]
    assert "stop b.service" not in cluster.log


def test_one_that_does_not_stop_in_time_is_to_run_all_the_same(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add("a.service")
    busy = cluster.state("a.service", "deactivating", "stop")

    def keep_busy(changes: Changes) -> None:
        if any('"inactive"' in entry.value for entry in changes.puts.values()):
            cluster.report("a.service", busy)

    cluster.store.watch(model.STATES, cluster.store.revision, keep_busy, lambda: None)
    with pytest.raises(TimedOutError, match="deactivating"):
        fleetctl("restart", "a", "--timeout", "0.01")
    assert cluster.view().units["a.service"].target is Target.LAUNCHED
