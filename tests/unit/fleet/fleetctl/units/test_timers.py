"""A timer goes with what it starts, and is refused where it could start nothing."""

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit
from fleet_cluster.fleet.model.records import DesiredState, UnitState
from fleet_cluster.fleet.unitfiles.triggers import schedule_of
from fleet_cluster.fleet.unitfiles.unitfile import UnitFileError
from tests.unit.fleet.fleetctl.small_cluster import Fleetctl, SmallCluster

SERVICE = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
TIMER = "[Timer]\nOnCalendar=daily\n"
ONCE = TIMER + "[X-Fleet]\nOnce=true\n"
BOTH = {"n.service": SERVICE, "n.timer": TIMER}


def test_what_a_timer_starts_follows_it_and_is_loaded(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    fleetctl.files = BOTH
    assert fleetctl("start", "n.timer") == Exit.DONE
    view = cluster.view()
    service, timer = view.asked("n.service"), view.asked("n.timer")
    assert service and service.desired_state is DesiredState.LOADED
    assert timer and timer.desired_state is DesiredState.LAUNCHED
    assert view.plan().placements["n.service"] == view.plan().placements["n.timer"]
    assert view.units["n.service"].desired_state is DesiredState.INACTIVE
    assert fleetctl("destroy", "n.timer", "n.service") == Exit.DONE


@pytest.mark.parametrize("active", ["inactive", "failed"])
def test_what_has_ended_starts_anew_although_its_timer_keeps_it_loaded(
    fleetctl: Fleetctl, cluster: SmallCluster, active: str
) -> None:
    fleetctl.files = BOTH
    cluster.behaviour["n.service"] = [UnitState("loaded", active, "dead", "")]
    fleetctl("start", "n.timer", "n.service")
    cluster.behaviour.clear()
    cluster.log.clear()
    assert fleetctl("start", "n.service", "--timeout", "0.01") == Exit.DONE
    assert cluster.log == ["stop n.service", "start n.service"]


def test_so_does_an_instance(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    fleetctl.files = {"n@.service": SERVICE, "n@.timer": TIMER}
    assert fleetctl("start", "n@a.timer") == Exit.DONE
    assert cluster.view().trigger("n@a.service") == "n@a.timer"


@pytest.mark.parametrize(
    ("timer", "quadlet"),
    [("n.timer", "n.container"), ("n@a.timer", "n@a.container"), ("n-pod.timer", "n.pod")],
)
def test_so_does_a_quadlet_by_its_service(
    fleetctl: Fleetctl, cluster: SmallCluster, timer: str, quadlet: str
) -> None:
    section = "Pod" if quadlet.endswith("pod") else "Container"
    image = "" if quadlet.endswith("pod") else "Image=n\n"
    fleetctl.files = {timer: TIMER, quadlet: f"[{section}]\n{image}"}
    assert fleetctl("start", timer) == Exit.DONE
    view = cluster.view()
    asked = view.asked(quadlet)
    assert asked and asked.desired_state is DesiredState.LOADED
    assert view.trigger(quadlet) == timer and view.started(timer) == quadlet
    assert view.plan().placements[quadlet] == view.plan().placements[timer]


def test_a_timer_that_follows_its_service_stays_so(cluster: SmallCluster) -> None:
    cluster.add("n.service", SERVICE, DesiredState.LOADED)
    cluster.add("n.timer", TIMER + "[X-Fleet]\nMachineOf=n.service\n")
    view = cluster.view()
    assert view.wanted["n.service"].machine_of == ()
    assert view.plan().placements["n.service"] == view.plan().placements["n.timer"]


@pytest.mark.parametrize("text", [TIMER, ONCE, ONCE.replace("daily\n", "daily\nUnit=m.service\n")])
def test_a_timer_without_what_it_starts_is_refused(
    fleetctl: Fleetctl, cluster: SmallCluster, text: str
) -> None:
    fleetctl.files = {"n.timer": text}
    with pytest.raises(CtlError, match=r"which is not in the cluster.*fleetctl submit . *.service"):
        fleetctl("start", "n.timer")
    assert not cluster.view().units


def test_a_unit_of_the_machine_is_named(fleetctl: Fleetctl) -> None:
    fleetctl.files = {"n.timer": TIMER + "Unit=fstrim.service\n"}
    assert fleetctl("start", "n.timer") == Exit.DONE


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"n.timer": ONCE.replace("OnCalendar=daily", "OnBootSec=1h")}, "the cluster is the clock"),
        ({"n.timer": ONCE.replace("daily", "daily\nRandomizedDelaySec=1h")}, "leave it out"),
        ({"n.timer": ONCE.replace("OnCalendar=daily", "OnCalendar=\nPersistent=true")}, "nothing"),
        ({"n.timer": ONCE + "Global=true\n"}, "runs each elapse once"),
        ({"n.service": SERVICE + "[X-Fleet]\nOnce=true\n"}, "write it into n.timer"),
        ({"n.service": SERVICE + "RemainAfterExit=yes\n"}, "cannot run again"),
        ({"n.service": SERVICE + "[X-Fleet]\nGlobal=true\n"}, "runs on one machine, and it has"),
        ({"n.timer": ONCE.replace("daily", "dayly")}, "Failed to parse calendar"),
        ({"n.timer": ONCE.replace("daily", "2020-01-01")}, "it never elapses"),
    ],
)
def test_what_cannot_be_run_once_is_refused(
    fleetctl: Fleetctl, cluster: SmallCluster, files: dict[str, str], message: str
) -> None:
    fleetctl.files = {"n.service": SERVICE, "n.timer": ONCE, **files}
    with pytest.raises((CtlError, UnitFileError), match=message):
        fleetctl("start", "n.timer", "n.service")
    assert not cluster.view().units


def test_a_timer_with_once_is_there_when_it_is_scheduled(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.add("n.service", SERVICE, DesiredState.INACTIVE)
    cluster.add("n.timer", ONCE)
    view = cluster.view()
    asked = view.asked("n.timer")
    assert asked and asked.desired_state is DesiredState.LOADED


CONTAINER = "[Container]\nImage=localhost/shop:1\n[Service]\nType=oneshot\n"


@pytest.mark.parametrize("text", [ONCE, TIMER])
def test_a_timer_starts_the_service_of_a_container(
    fleetctl: Fleetctl, cluster: SmallCluster, text: str
) -> None:
    fleetctl.files = {
        "n.container": CONTAINER,
        "m.timer": text.replace("\n", "\nUnit=n.service\n", 1),
    }
    assert fleetctl("start", "m.timer") == Exit.DONE
    view = cluster.view()
    assert view.trigger("n.container") == "m.timer" and view.started("m.timer") == "n.container"
    service = view.asked("n.container")
    assert service and service.desired_state is DesiredState.LOADED
    assert view.plan().placements["n.container"] == view.plan().placements["m.timer"]


def test_a_container_that_stays_cannot_run_once(fleetctl: Fleetctl) -> None:
    stays = CONTAINER + "RemainAfterExit=yes\n"
    fleetctl.files = {"n.container": stays, "n.timer": ONCE}
    with pytest.raises(CtlError, match="cannot run again"):
        fleetctl("start", "n.timer")


def test_what_runs_once_is_not_changed_into_what_cannot(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    fleetctl.files = {"n.service": SERVICE, "n.timer": ONCE}
    assert fleetctl("start", "n.timer", "--no-block") == Exit.DONE
    before = cluster.view().text_of("n.service")
    fleetctl.files = {"n.service": SERVICE + "RemainAfterExit=yes\n"}
    with pytest.raises(CtlError, match=r"n.timer has Once=true.*cannot run again"):
        fleetctl("submit", "--replace", "n.service")
    assert cluster.view().text_of("n.service") == before


def test_a_timers_file_is_read_once() -> None:
    """A leader that reads those of a thousand timers in each round does nothing else."""
    text = "[Timer]\nOnCalendar=daily\n"
    assert schedule_of("n.timer", text) is schedule_of("n.timer", text)
    assert schedule_of("n.timer", text + "Persistent=yes\n").is_persistent
