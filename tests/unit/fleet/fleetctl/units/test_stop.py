import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit
from fleet_cluster.fleet.model import keys, records
from fleet_cluster.fleet.model.records import DesiredState, UnitState
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]


@pytest.mark.parametrize("verb", ["start", "load", "stop", "unload", "restart"])
def test_a_pattern_stands_for_what_can_run(
    fleetctl: Fleetctl, cluster: SmallCluster, verb: str, capsys: Output
) -> None:
    cluster.add("web@.service", target=DesiredState.INACTIVE)
    cluster.add("web@1.service")
    cluster.add("web@2.service")
    assert fleetctl(verb, "web@*") == Exit.DONE
    words = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert words == [["Unit", "web@1.service"], ["Unit", "web@2.service"]]


def test_stop_leaves_it_loaded(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    cluster.add("hello.service")
    assert fleetctl("stop", "hello") == Exit.DONE
    assert capsys.readouterr().out == "Unit hello.service loaded on 3f2a91bc.../10.0.0.11\n"
    assert cluster.view().units["hello.service"].desired_state is DesiredState.LOADED


def test_stop_of_an_inactive_one_leaves_it_inactive(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("hello.service", target=DesiredState.INACTIVE)
    assert fleetctl("stop", "hello") == Exit.DONE
    assert capsys.readouterr().out == "Unit hello.service inactive\n"


def test_unload_takes_it_off_its_machine(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("hello.service")
    assert fleetctl("unload", "hello") == Exit.DONE
    assert capsys.readouterr().out == "Unit hello.service inactive\n"
    view = cluster.view()
    assert not view.assigned("hello.service") and not view.reported("hello.service")
    assert view.text_of("hello.service") == SLEEP


def test_destroy_removes_unit_and_file(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("hello.service")
    assert fleetctl("destroy", "hello.service") == Exit.DONE
    assert capsys.readouterr().out == "Destroyed hello.service\n"
    assert cluster.log == ["stop hello.service"]
    assert not cluster.view().units and not cluster.view().files


def test_destroy_keeps_a_file_that_others_use(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("web@.service", target=DesiredState.INACTIVE)
    cluster.add("web@1.service")
    assert fleetctl("destroy", "web@1") == Exit.DONE
    assert sha_of(SLEEP) in cluster.view().files


def test_destroy_takes_patterns(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    for name in ("web@1.service", "web@2.service", "website.service"):
        cluster.add(name)
    assert fleetctl("destroy", "web@*") == Exit.DONE
    assert list(cluster.view().units) == ["website.service"]


@pytest.mark.parametrize("command", ["stop", "unload", "destroy", "cat"])
def test_an_unknown_unit_is_an_error(
    fleetctl: Fleetctl, cluster: SmallCluster, command: str
) -> None:
    cluster.add("hello.service")
    with pytest.raises(CtlError, match=r"no unit helo\.service.*did you mean hello\.service"):
        fleetctl(command, "helo")
    with pytest.raises(CtlError, match=r"matches 'x\*'"):
        fleetctl(command, "x*")


def test_destroy_stops_a_held_unit_by_an_instruction(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    state = UnitState("loaded", "active", "running", sha_of(SLEEP), 1, orphan=True)
    cluster.put(keys.state_key(WEB.id, "held.service"), state)
    told: list[DesiredState] = []

    def note(changes: object) -> None:
        told.extend(unit.desired_state for unit in cluster.view().units.values())
        if told == [DesiredState.INACTIVE]:
            cluster.store.remove(keys.state_key(WEB.id, "held.service"))

    cluster.store.watch(keys.UNITS, cluster.store.revision, note, lambda: None)
    assert fleetctl("destroy", "held") == Exit.DONE
    assert told == [DesiredState.INACTIVE]
    assert not cluster.view().units


def test_destroy_without_waiting(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    assert fleetctl("destroy", "--no-block", "hello") == Exit.DONE
    assert not cluster.view().units


def cut_off(cluster: SmallCluster, name: str, text: str = SLEEP) -> None:
    """A unit that ran on a machine whose lease has ended, and that was told to stop it."""
    cluster.add(name, text)
    cluster.leave(WEB)
    cluster.store.remove(keys.schedule_key(WEB.id, name))
    told = records.Assignment(sha_of(text), DesiredState.INACTIVE)
    cluster.put(keys.schedule_key(WEB.id, name), told)


@pytest.mark.parametrize("command", ["destroy", "unload", "stop"])
def test_what_may_run_on_out_of_sight_is_told(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output, command: str
) -> None:
    cut_off(cluster, "hello.service")
    assert fleetctl(command, "hello") == Exit.DONE
    told = capsys.readouterr().out
    assert f"it may run on where nobody can see it, on {WEB.id}/lost" in told
    assert "it is stopped there as soon as that machine is back" in told
    assert f"fleetctl drain --for-good {WEB.id}" in told


def test_of_a_fenced_unit_nothing_runs_on(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cut_off(cluster, "hello.service", SLEEP + "[X-Fleet]\nFence=true\n")
    assert fleetctl("destroy", "hello") == Exit.DONE
    assert capsys.readouterr().out == "Destroyed hello.service\n"
