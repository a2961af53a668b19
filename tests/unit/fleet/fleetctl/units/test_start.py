import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, TimedOutError
from fleet_cluster.fleet.fleetctl.wait.outcome import Failed
from fleet_cluster.fleet.model.records import DesiredState, UnitState
from fleet_cluster.fleet.unitfiles.text import sha_of
from fleet_cluster.fleet.unitfiles.unitfile import UnitFileError
from tests.unit.fleet.fleetctl.small_cluster import (
    DB,
    SLEEP,
    WEB,
    FakeMachines,
    Fleetctl,
    SmallCluster,
)

Output = pytest.CaptureFixture[str]


def test_starts_a_local_file(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    fleetctl.files = {"hello.service": SLEEP}
    assert fleetctl("start", "hello") == Exit.DONE
    assert capsys.readouterr().out == "Unit hello.service launched on 3f2a91bc.../10.0.0.11\n"
    view = cluster.view()
    assert view.units["hello.service"].desired_state is DesiredState.LAUNCHED
    assert view.text_of("hello.service") == SLEEP


def test_waits_until_it_is_active(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines, capsys: Output
) -> None:
    cluster.behaviour["hello.service"] = [UnitState("loaded", "activating", "start-pre", "")]
    fleetctl.files = {"hello.service": SLEEP}
    with pytest.raises(TimedOutError, match=r"hello\.service: activating \(start-pre\) on 3f2a"):
        fleetctl("start", "hello", "--timeout", "0.01")
    assert "launched on" not in capsys.readouterr().out
    assert machines.explained == {"hello.service": Failed("it is not done yet", WEB.id)}


def test_block_attempts_are_half_seconds(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.behaviour["hello.service"] = [UnitState("loaded", "activating", "start", "")]
    fleetctl.files = {"hello.service": SLEEP}
    with pytest.raises(TimedOutError, match="not done after 0.5 s"):
        fleetctl("start", "hello", "--block-attempts", "1")


def test_does_not_wait_when_told_so(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.behaviour["hello.service"] = [UnitState("loaded", "activating", "start", "")]
    fleetctl.files = {"hello.service": SLEEP}
    assert fleetctl("start", "--no-block", "hello") == Exit.DONE
    assert capsys.readouterr().out == "Triggered unit hello.service start\n"


def test_an_instance_gets_the_text_of_the_clusters_template(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add("web@.service", target=DesiredState.INACTIVE)
    assert fleetctl("start", "web@1", "web@2") == Exit.DONE
    units = cluster.view().units
    assert units["web@1.service"].sha == units["web@2.service"].sha == sha_of(SLEEP)
    assert units["web@.service"].desired_state is DesiredState.INACTIVE


def test_an_instance_gets_the_text_of_the_template_here(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    fleetctl.files = {"web@.service": SLEEP}
    assert fleetctl("start", "web@1") == Exit.DONE
    assert cluster.view().text_of("web@1.service") == SLEEP
    assert "web@.service" not in cluster.view().units


def test_a_template_cannot_run(fleetctl: Fleetctl) -> None:
    fleetctl.files = {"web@.service": SLEEP}
    with pytest.raises(CtlError, match="web@.service is a template.*web@1.service"):
        fleetctl("start", "web@.service")


def test_a_bad_file_changes_nothing(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    bad = "[Service]\nExecStart=/bin/true\n[X-Fleet]\nConflict=web@*\n"
    fleetctl.files = {"good.service": SLEEP, "bad.service": bad}
    writes = cluster.store.writes
    with pytest.raises(UnitFileError, match="Conflict"):
        fleetctl("start", "good", "bad")
    assert cluster.store.writes == writes


def test_an_unknown_unit_suggests(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    with pytest.raises(CtlError, match=r"no unit file for helo.service.*did you mean hello"):
        fleetctl("start", "helo")


def test_a_different_file_is_refused(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    fleetctl.files = {"hello.service": SLEEP + "Restart=always\n"}
    with pytest.raises(CtlError, match="--replace"):
        fleetctl("start", "hello")
    assert cluster.view().text_of("hello.service") == SLEEP


def test_replace_puts_the_file_in_place(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    fleetctl.files = {"hello.service": SLEEP + "Restart=always\n"}
    assert fleetctl("start", "--replace", "hello") == Exit.DONE
    assert cluster.view().text_of("hello.service") == SLEEP + "Restart=always\n"
    assert cluster.log == ["stop hello.service", "start hello.service"]


def test_replace_puts_the_template_in_place_too(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("web@.service", target=DesiredState.INACTIVE)
    fleetctl.files = {"web@.service": SLEEP + "Restart=always\n"}
    assert fleetctl("start", "--replace", "web@1") == Exit.DONE
    view = cluster.view()
    assert view.text_of("web@.service") == view.text_of("web@1.service")
    assert view.text_of("web@.service") == SLEEP + "Restart=always\n"


def test_one_that_runs_is_left_alone(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    writes = cluster.store.writes
    assert fleetctl("start", "hello") == Exit.DONE
    assert (cluster.store.writes, cluster.log) == (writes, [])


def test_one_that_was_stopped_starts(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service", target=DesiredState.LOADED)
    assert fleetctl("start", "hello") == Exit.DONE
    assert cluster.log == ["start hello.service"]


@pytest.mark.parametrize("active", ["failed", "inactive"])
def test_one_at_rest_is_started_anew(
    fleetctl: Fleetctl, cluster: SmallCluster, active: str
) -> None:
    cluster.add("hello.service")
    cluster.report("hello.service", cluster.state("hello.service", active, "dead"))
    assert fleetctl("start", "hello") == Exit.DONE
    assert cluster.log == ["stop hello.service", "start hello.service"]


def test_a_failure_is_explained(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.behaviour["bad.service"] = [UnitState("loaded", "failed", "failed", "")]
    fleetctl.files = {"bad.service": SLEEP, "good.service": SLEEP}
    assert fleetctl("start", "bad", "good") == Exit.FAILED
    assert list(machines.explained) == ["bad.service"]
    assert machines.explained["bad.service"].reason == "it failed on 3f2a91bc.../10.0.0.11"
    assert machines.explained["bad.service"].machine == WEB.id


def test_one_that_fits_nowhere_is_reported_at_once(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines, capsys: Output
) -> None:
    fleetctl.files = {"big.service": SLEEP + "[X-Fleet]\nMachineMetadata=disk=ssd\n"}
    assert fleetctl("start", "big") == Exit.FAILED
    reason = machines.explained["big.service"].reason
    assert reason.startswith("it fits on no machine:\n  3f2a91bc.../10.0.0.11: ")
    assert "9d04e6a1.../10.0.0.12: " in reason and "disk" in reason
    assert "To give it up: fleetctl destroy big.service" in capsys.readouterr().err
    assert "big.service" in cluster.view().units


def test_without_machines_the_reason_is_that(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.leave(WEB)
    cluster.leave(DB)
    fleetctl.files = {"hello.service": SLEEP}
    assert fleetctl("start", "hello") == Exit.FAILED
    assert "no machine in the cluster" in machines.explained["hello.service"].reason


def test_a_global_unit_is_awaited_on_all_machines(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    fleetctl.files = {"all.service": SLEEP + "[X-Fleet]\nGlobal=true\n"}
    assert fleetctl("start", "all") == Exit.DONE
    expected = "Unit all.service launched on 3f2a91bc.../10.0.0.11, 9d04e6a1.../10.0.0.12\n"
    assert capsys.readouterr().out == expected


def test_a_oneshot_is_there_when_it_has_ended(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.behaviour["once.service"] = [UnitState("loaded", "inactive", "dead", "")]
    fleetctl.files = {"once.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n"}
    assert fleetctl("start", "once", "--timeout", "0.01") == Exit.DONE


def test_load_does_not_start(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    fleetctl.files = {"hello.service": SLEEP}
    assert fleetctl("load", "hello") == Exit.DONE
    assert capsys.readouterr().out == "Unit hello.service loaded on 3f2a91bc.../10.0.0.11\n"
    assert cluster.log == []


def test_submit_places_nothing(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    fleetctl.files = {"hello.service": SLEEP, "web@.service": SLEEP}
    assert fleetctl("submit", "hello", "web@.service") == Exit.DONE
    assert capsys.readouterr().out == "Unit hello.service inactive\nUnit web@.service inactive\n"
    assert cluster.view().placements() == {}


def test_many_units_are_written_in_transactions_that_etcd_takes(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    names = [f"web@{number}.service" for number in range(200)]
    fleetctl.files = {"web@.service": SLEEP}
    assert fleetctl("submit", *names) == Exit.DONE
    assert len(cluster.view().units) == 200
