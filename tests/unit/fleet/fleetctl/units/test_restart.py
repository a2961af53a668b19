import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, TimedOutError
from fleet_cluster.fleet.model.keys import machine_key
from fleet_cluster.fleet.model.records import DesiredState, UnitState
from tests.unit.fleet.fleetctl.small_cluster import (
    DB,
    SLEEP,
    WEB,
    FakeMachines,
    Fleetctl,
    SmallCluster,
)

Output = pytest.CaptureFixture[str]


def test_one_after_the_other_where_they_are(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("a.service")
    cluster.add("b.service")
    places = cluster.view().placements()
    assert fleetctl("restart", "a", "b") == Exit.DONE
    assert cluster.log == ["restart a.service", "restart b.service"]
    assert cluster.view().placements() == places
    assert capsys.readouterr().out.count("launched on") == 2


def test_one_that_does_not_run_is_refused_before_any_is_touched(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add("a.service")
    cluster.add("b.service", target=DesiredState.LOADED)
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
    assert cluster.log == ["restart a.service"]


def test_nothing_of_what_is_wanted_changes(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("a.service")
    cluster.behaviour["a.service"] = [UnitState("loaded", "deactivating", "stop", "")]
    before = cluster.view().units
    with pytest.raises(TimedOutError, match="deactivating"):
        fleetctl("restart", "a", "--timeout", "0.01")
    assert cluster.view().units == before
    assert not cluster.view().orders, "no order is left"


LOG = "[Unit]\nBindsTo=a.service\n" + SLEEP + "[X-Fleet]\nMachineOf=a.service\n"


def test_what_is_bound_to_it_restarts_with_it_and_that_is_said(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("a.service")
    cluster.add("a-log.service", LOG)
    cluster.add("a-log-log.service", LOG.replace("a.service", "a-log.service"))
    cluster.behaviour["a-log-log.service"] = [UnitState("loaded", "active", "running", "")]
    with pytest.raises(TimedOutError, match="a-log-log.service: active"):
        fleetctl("restart", "a", "--timeout", "0.01")  # Here, it does not restart.
    where = "3f2a91bc.../10.0.0.11"
    assert capsys.readouterr().out.splitlines() == [
        f"Unit a.service launched on {where}",
        f"Unit a-log.service launched on {where}, restarted with a.service",
    ]


def test_one_that_is_bound_and_fails_is_a_failure(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.add("a.service")
    cluster.add("a-log.service", LOG)
    cluster.behaviour["a-log.service"] = [UnitState("loaded", "failed", "failed", "")]
    assert fleetctl("restart", "a") == Exit.FAILED
    assert list(machines.explained) == ["a-log.service"]


def test_one_that_is_bound_is_not_waited_for_when_the_unit_fails(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.add("a.service")
    cluster.add("a-log.service", LOG)
    cluster.behaviour["a.service"] = [UnitState("loaded", "failed", "failed", "")]
    cluster.behaviour["a-log.service"] = [UnitState("loaded", "inactive", "dead", "")]
    assert fleetctl("restart", "a") == Exit.FAILED
    assert list(machines.explained) == ["a.service"]


def test_one_that_is_bound_and_stays_down_is_a_failure(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.add("a.service")
    cluster.add("a-log.service", LOG)
    cluster.behaviour["a-log.service"] = [UnitState("loaded", "inactive", "dead", "")]
    assert fleetctl("restart", "a") == Exit.FAILED
    assert "did not start it again" in machines.explained["a-log.service"].reason


def test_a_global_unit_restarts_machine_by_machine(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.add("all.service", SLEEP + "[X-Fleet]\nGlobal=true\n")
    assert fleetctl("restart", "all") == Exit.DONE
    assert cluster.log == ["restart all.service"] * 2
    cluster.behaviour[f"all.service on {WEB.id}"] = [UnitState("loaded", "failed", "failed", "")]
    assert fleetctl("restart", "all") == Exit.FAILED
    assert cluster.log == ["restart all.service"] * 3


def test_a_machine_that_is_lost_is_passed_over(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("all.service", SLEEP + "[X-Fleet]\nGlobal=true\n")
    cluster.store.remove(machine_key(DB.id))
    assert fleetctl("restart", "all") == Exit.DONE
    assert cluster.log == ["restart all.service"]


def test_an_order_whose_answer_is_lost_is_not_taken_for_anothers(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add("a.service", SLEEP)
    cluster.store.lost_answers = 1
    assert fleetctl("restart", "a") == Exit.DONE
    assert cluster.log == ["restart a.service"]


def test_one_that_is_on_no_machine_is_refused(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("a.service", SLEEP + "[X-Fleet]\nMachineMetadata=disk=ssd\n")
    with pytest.raises(CtlError, match="a.service is on no machine at present"):
        fleetctl("restart", "a")
