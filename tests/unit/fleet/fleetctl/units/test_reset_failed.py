import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, TimedOutError
from fleet_cluster.fleet.model.keys import order_key
from fleet_cluster.fleet.model.records import Order, Verb
from tests.unit.fleet.fleetctl.small_cluster import WEB, FakeMachines, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]


def fail(cluster: SmallCluster, name: str) -> None:
    cluster.add(name)
    cluster.report(name, cluster.state(name, "failed", "failed"))
    cluster.log.clear()


def test_the_machine_forgets_a_failure(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    fail(cluster, "a.service")
    cluster.add("b.service")
    assert fleetctl("reset-failed", "a", "b") == Exit.DONE
    assert cluster.log == ["reset-failed a.service", "reset-failed b.service"]
    assert capsys.readouterr().out.startswith("Unit a.service reset on 3f2a91bc.../10.0.0.11\n")
    assert not cluster.view().orders, "no order is left"


def test_without_a_name_all_that_failed(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    fail(cluster, "a.service")
    fail(cluster, "b.service")
    cluster.add("c.service")
    assert fleetctl("reset-failed") == Exit.DONE
    assert cluster.log == ["reset-failed a.service", "reset-failed b.service"]


def test_nothing_to_do_is_said(fleetctl: Fleetctl, capsys: Output) -> None:
    assert fleetctl("reset-failed") == Exit.DONE
    assert capsys.readouterr().err == "no unit has failed\n"


def test_what_the_machine_refuses_is_a_failure(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    fail(cluster, "a.service")
    cluster.answers["a.service"] = "Access denied"
    assert fleetctl("reset-failed", "a") == Exit.FAILED
    assert machines.explained["a.service"].reason == "3f2a91bc.../10.0.0.11: Access denied"


def test_a_machine_that_does_not_answer_is_named(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    fail(cluster, "a.service")
    cluster.deaf = True
    with pytest.raises(TimedOutError, match=r"fleetd on 3f2a91bc.../10.0.0.11 has not answered"):
        fleetctl("reset-failed", "a", "--timeout", "0.01")
    assert not cluster.view().orders


def test_one_order_at_a_time(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    fail(cluster, "a.service")
    cluster.deaf = True
    cluster.put(order_key(WEB.id, "a.service"), Order(Verb.RESTART))
    with pytest.raises(CtlError, match="someone else has just ordered restart a.service"):
        fleetctl("reset-failed", "a")
