"""`fleetctl exec`: where it goes, and what it asks for there."""

import sys

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, UsageError
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, FakeMachines, Fleetctl, SmallCluster

WORDS = ["it's $HOME", "", "--", "a  b", "-t"]


def test_its_words_arrive_as_they_are(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.add("web.service", SLEEP + "[X-Fleet]\nMachineMetadata=role=db\n")
    machines.code = 7
    assert fleetctl("exec", "web", "--", "printf", *WORDS) == 7
    ((host, command, flags),) = machines.runs
    assert (host, flags) == ("machine-2", ["-T"])
    assert command[:2] == ["sh", "-c"]
    assert command[4:] == ["fleetctl", "enter", "--", "web.service", "--", "printf", *WORDS]


def test_options(
    fleetctl: Fleetctl,
    cluster: SmallCluster,
    machines: FakeMachines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster.add("all.service", SLEEP + "[X-Fleet]\nGlobal=true\n")
    with pytest.raises(UsageError, match="standard input is no terminal"):
        fleetctl("exec", "-t", "--machine", "machine-2", "all", "sh")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    fleetctl("exec", "-t", "--container", "c", "--machine", "machine-2", "all", "sh", "-t")
    ((host, command, flags),) = machines.runs
    assert (host, flags) == ("machine-2", ["-t"])
    asked = ["--tty", "--container=c", "--", "all.service", "--", "sh", "-t"]
    assert command[4:] == ["fleetctl", "enter", *asked]


def test_what_it_does_not_know(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("all.service", SLEEP + "[X-Fleet]\nGlobal=true\n")
    with pytest.raises(CtlError, match=r"on several machines: .*machine-1.*machine-2.*--machine"):
        fleetctl("exec", "all", "--", "ls")
    with pytest.raises(CtlError, match="not on a machine 'x'"):
        fleetctl("exec", "--machine", "x", "all", "--", "ls")
    with pytest.raises(UsageError, match="no command to run: fleetctl exec all -- COMMAND"):
        fleetctl("exec", "all", "--")
    with pytest.raises(CtlError, match="did you mean all.service"):
        fleetctl("exec", "al", "--", "ls")
