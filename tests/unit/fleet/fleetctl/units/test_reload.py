import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, TimedOutError
from fleet_cluster.fleet.model.records import DesiredState
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, FakeMachines, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]


def test_machines_reload_what_runs_there(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("web@.service", target=DesiredState.INACTIVE)
    cluster.add("web@1.service")
    cluster.add("web@2.service", target=DesiredState.LOADED)
    cluster.add("all.service", SLEEP + "[X-Fleet]\nGlobal=true\n")
    assert fleetctl("reload", "web@*", "all") == Exit.DONE
    assert sorted(cluster.log) == [
        "reload all.service",
        "reload all.service",
        "reload web@1.service",
    ]
    assert capsys.readouterr().out == (
        "Unit all.service reloaded on 3f2a91bc.../10.0.0.11, 9d04e6a1.../10.0.0.12\n"
        "Unit web@1.service reloaded on 3f2a91bc.../10.0.0.11\n"
    )
    assert not any(cluster.view().orders.values()), "no order is left"


def test_what_does_not_run_is_refused_before_anything(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add("a.service")
    cluster.add("b.service", target=DesiredState.LOADED)
    cluster.add("c.service")
    cluster.report("c.service", cluster.state("c.service", "failed", "failed"))
    cluster.log.clear()
    for name in ("b.service", "c.service"):
        with pytest.raises(CtlError, match=f"{name} does not run, so nothing was reloaded"):
            fleetctl("reload", "a", name)
    assert cluster.log == []


def test_a_reload_that_fails_is_told(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.add("a.service")
    cluster.answers["a.service"] = "its ExecReload= failed, and it runs on as before"
    assert fleetctl("reload", "a") == Exit.FAILED
    assert "its ExecReload= failed" in machines.explained["a.service"].reason


def test_it_waits_until_the_machine_has_answered(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("a.service")
    cluster.deaf = True
    with pytest.raises(TimedOutError, match="has not answered yet"):
        fleetctl("reload", "a", "--timeout", "0.01")
