"""Unit files are checked where they are submitted; what the cluster has is never refused again."""

import json

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit
from fleet_cluster.fleet.model.records import DesiredState
from fleet_cluster.fleet.unitfiles.unitfile import UnitFileError
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

BAD = '[Service]\nExecStart=/bin/sh -c "sleep infinity\n'
"""Cut off at its quote: systemd does not load it."""
SOCKET = "[Socket]\nListenStream=7077\nAccept=yes\n"
QUADLET = "[Container]\nImage=reg/web\n"
CONNECTION = "[Service]\nExecStart=-/bin/cat\nStandardInput=socket\n"


def document(text: str) -> str:
    return json.dumps({"owner": "web", "units": {"hello.service": {"text": text}}})


@pytest.mark.parametrize("command", ["submit", "load", "start"])
def test_a_bad_file_is_refused_before_anything_is_written(
    command: str, fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    fleetctl.files = {"hello.service": BAD}
    with pytest.raises(UnitFileError, match="hello.service:2: .* is not closed"):
        fleetctl(command, "hello")
    assert not cluster.view().units


def test_so_is_one_in_a_document(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    fleetctl.document = document(BAD)
    with pytest.raises(UnitFileError, match="hello.service:2: .* is not closed"):
        fleetctl("apply")
    assert not cluster.view().units


def test_so_is_one_to_roll_out(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    fleetctl.files = {"hello.service": BAD}
    with pytest.raises(UnitFileError, match="hello.service:2: .* is not closed"):
        fleetctl("rollout", "hello")
    assert cluster.view().text_of("hello.service") == SLEEP


def test_what_the_cluster_has_is_not_refused_again(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add("hello.service", BAD, DesiredState.INACTIVE)
    cluster.add("web@.service", BAD, DesiredState.INACTIVE)
    fleetctl.files = {"hello.service": BAD}
    assert fleetctl("start", "hello", "web@1") == Exit.DONE
    assert cluster.view().units["web@1.service"].desired_state is DesiredState.LAUNCHED


def test_what_is_passed_over_is_told_once(fleetctl: Fleetctl, capsys: Output) -> None:
    installed = SLEEP + "[Install]\nWantedBy=multi-user.target\n"
    unit = {"text": installed, "instances": {"web@1.service": "launched"}}
    fleetctl.document = json.dumps({"owner": "web", "units": {"web@.service": unit}})
    assert fleetctl("apply") == Exit.DONE
    assert capsys.readouterr().err.count("web@.service:6: [Install] has no effect") == 1
    assert fleetctl("apply") == Exit.DONE
    assert "[Install]" not in capsys.readouterr().err


def test_a_document_may_end_its_lines_with_two_characters(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    fleetctl.document = document(SLEEP.replace("\n", "\r\n"))
    assert fleetctl("apply") == Exit.DONE
    assert cluster.view().text_of("hello.service") == SLEEP


def test_a_socket_brings_its_template(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    fleetctl.files = {"echo.socket": SOCKET, "echo@.service": CONNECTION}
    assert fleetctl("start", "echo.socket") == Exit.DONE
    units = cluster.view().units
    assert units["echo.socket"].desired_state is DesiredState.LAUNCHED
    assert units["echo@.service"].desired_state is DesiredState.INACTIVE
    assert cluster.view().text_of("echo@.service") == CONNECTION


def test_a_socket_without_its_template_is_refused(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    fleetctl.files = {"echo.socket": SOCKET}
    with pytest.raises(CtlError, match="fleetctl submit echo@.service first"):
        fleetctl("start", "echo.socket")
    cluster.add("echo@.service", CONNECTION, DesiredState.INACTIVE)
    assert fleetctl("start", "echo.socket") == Exit.DONE


@pytest.mark.parametrize(
    ("there", "new"),
    [
        ("web.container", "web.service"),
        ("web.service", "web.container"),
        ("web@1.container", "web@1.service"),
        ("data.volume", "data-volume.service"),
    ],
)
def test_two_units_of_one_service_are_refused(
    there: str, new: str, fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    texts = {"service": SLEEP, "container": QUADLET, "volume": "[Volume]\n"}
    cluster.add(there, texts[there.rpartition(".")[2]])
    fleetctl.files = {new: texts[new.rpartition(".")[2]]}
    with pytest.raises(CtlError, match=rf"{new}: on a machine it is .*, and so is {there}"):
        fleetctl("start", new)
    assert new not in cluster.view().units


def test_a_quadlet_that_is_known_is_started_again(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add("web.container", QUADLET, DesiredState.INACTIVE)
    assert fleetctl("start", "web.container") == Exit.DONE


def test_the_service_of_a_quadlet_is_not_its_name(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add("web@1.container", QUADLET)
    with pytest.raises(CtlError, match=r"the service that Podman makes of web@1\.container"):
        fleetctl("stop", "web@1.service")


NAMED = SLEEP + "[X-Fleet]\nName=web\n"


def test_a_name_that_another_unit_has_is_refused_before_anything_is_written(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add("web@1.service", NAMED)
    before = dict(cluster.view().units)
    fleetctl.files = {"shop.service": NAMED}
    with pytest.raises(CtlError, match="shop.service has Name=web, which web@1.service has"):
        fleetctl("submit", "shop")
    assert cluster.view().units == before


def test_instances_of_one_template_and_units_of_one_owner_share_a_name(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    fleetctl.files = {"web@.service": NAMED}
    assert fleetctl("submit", "web@1", "web@2") == Exit.DONE
    cluster.store.wipe()
    units = {f"{one}.service": {"text": NAMED, "target": "inactive"} for one in ("a", "b")}
    fleetctl.document = json.dumps({"owner": "both", "units": units})
    assert fleetctl("apply") == Exit.DONE
