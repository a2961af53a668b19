"""Unit files are checked where they are submitted; what the cluster has is never refused again."""

import json

import pytest

from components.fleet.ctl.errors import Exit
from components.fleet.model import Target
from components.fleet.unitfiles.unitfile import UnitFileError

from .small_cluster import SLEEP, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

BAD = '[Service]\nExecStart=/bin/sh -c "sleep infinity\n'
"""Cut off at its quote: systemd does not load it."""


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
    cluster.add("hello.service", BAD, Target.INACTIVE)
    cluster.add("web@.service", BAD, Target.INACTIVE)
    fleetctl.files = {"hello.service": BAD}
    assert fleetctl("start", "hello", "web@1") == Exit.DONE
    assert cluster.view().units["web@1.service"].target is Target.LAUNCHED


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
