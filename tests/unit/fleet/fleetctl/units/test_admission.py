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
