"""status, journal, ssh and locate: which machine, and what is run there."""

import json

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, UsageError
from fleet_cluster.fleet.model.records import DesiredState, MachineState
from tests.unit.fleet.fleetctl.small_cluster import (
    DB,
    SLEEP,
    WEB,
    FakeMachines,
    Fleetctl,
    SmallCluster,
)


def test_status_runs_systemctl_on_the_units_machine(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.add("hello.service")
    cluster.add("db.service", SLEEP + "[X-Fleet]\nMachineMetadata=role=db\n")
    machines.code = 3
    assert fleetctl("status", "hello", "db") == 3
    assert [(host, command[:2], command[-1]) for host, command, _ in machines.runs] == [
        ("machine-1", ["systemctl", "status"], "hello.service"),
        ("machine-2", ["systemctl", "status"], "db.service"),
    ]


@pytest.mark.parametrize("verb", ["status", "journal"])
def test_a_pattern_stands_for_what_is_on_a_machine(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines, verb: str
) -> None:
    cluster.add("web@.service", target=DesiredState.INACTIVE)
    cluster.add("web@1.service", target=DesiredState.INACTIVE)
    cluster.add("web@2.service")
    assert fleetctl(verb, "web@*") == 0
    ((_, command, _),) = machines.runs
    assert any("web@2.service" in word for word in command)
    with pytest.raises(CtlError, match="web@.service is a template.*name an instance"):
        fleetctl(verb, "web@.service")


def test_journal_passes_its_options_on(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.add("hello.service")
    fleetctl("journal", "-f", "--lines", "50", "--output", "cat", "--sudo", "hello")
    fleetctl("journal", "--since=-1h", "--grep", "a b", "hello")
    assert [host for host, _, _ in machines.runs] == ["machine-1"] * 2
    expected = "sudo journalctl --no-pager --unit=hello.service --lines=50 --follow --output=cat"
    assert machines.runs[0][1] == expected.split()
    asked = ["--unit=hello.service", "--lines=all", "--since=-1h", "--grep=a b"]
    assert machines.runs[1][1] == ["journalctl", "--no-pager", *asked]


@pytest.mark.parametrize(
    "given", [DB.id, "9d0", "9d04e6a1...", "9d04e6a1.../10.0.0.12", "10.0.0.12", "machine-2"]
)
@pytest.mark.parametrize(
    "words", [["journal", "all", "--machine"], ["ssh", "--machine"], ["ssh"], ["cordon"]]
)
def test_a_machine_is_known_by_id_address_and_name_everywhere(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines, words: list[str], given: str
) -> None:
    cluster.add("all.service", SLEEP + "[X-Fleet]\nGlobal=true\n")
    assert fleetctl(*words, given) == 0
    on = [host for host, _, _ in machines.runs] or [*cluster.view().eligibility]
    assert on in ([DB.hostname], [DB.id])


def test_a_unit_is_not_on_that_machine(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    with pytest.raises(CtlError, match=r"not on a machine 'machine-2'; it is on: 3f2a.*machine-1"):
        fleetctl("journal", "hello", "--machine", "machine-2")
    with pytest.raises(CtlError, match=r"hello is a unit; for its machine: --unit hello"):
        fleetctl("ssh", "--machine", "hello")


def test_a_name_that_two_machines_have(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.join(MachineState("c0ff" + "0" * 28, "10.0.0.13", "machine-2"))
    for words in (["ssh"], ["cordon"]):
        with pytest.raises(CtlError, match="'machine-2' is the name of several machines"):
            fleetctl(*words, "machine-2")


@pytest.mark.parametrize("target", ["3f2a91bc", "3f2", WEB.id, "10.0.0.11", "machine-1", "hello"])
def test_ssh_knows_machines_and_units(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines, target: str
) -> None:
    cluster.add("hello.service")
    fleetctl("ssh", target, "docker", "ps", "--all")
    assert machines.runs == [("machine-1", ["sh", "-c", "docker ps --all"], [])]


@pytest.mark.parametrize(
    "words",
    [["--unit", "db", "uptime"], ["--machine", "9d04", "uptime"], ["db", "--", "uptime"]],
)
def test_ssh_options(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines, words: list[str]
) -> None:
    cluster.add("db.service", SLEEP + "[X-Fleet]\nMachineMetadata=role=db\n")
    fleetctl("ssh", "-A", *words)
    assert machines.runs == [("machine-2", ["sh", "-c", "uptime"], ["-A"])]


def test_ssh_needs_a_target(fleetctl: Fleetctl) -> None:
    with pytest.raises(UsageError, match="give one machine or unit"):
        fleetctl("ssh")


def test_an_ambiguous_beginning(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.join(MachineState("3f2a" + "1" * 28, "10.0.0.13", "machine-3"))
    with pytest.raises(CtlError, match="beginning of several machine ids: 3f2a1.*, 3f2a9"):
        fleetctl("ssh", "3f2a")


def test_an_unknown_target_suggests(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    with pytest.raises(CtlError, match="neither a machine.*did you mean hello.service"):
        fleetctl("ssh", "helo")
    with pytest.raises(CtlError, match="did you mean machine-2"):
        fleetctl("ssh", "machin-2")
    with pytest.raises(CtlError, match=r"'10\.0\.0\.99' is neither a machine"):
        fleetctl("ssh", "10.0.0.99")


def test_units_that_are_nowhere_say_what_to_do(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("off.service", target=DesiredState.INACTIVE)
    cluster.add("big.service", SLEEP + "[X-Fleet]\nMachineMetadata=disk=ssd\n")
    cluster.add("db.service", SLEEP + "[X-Fleet]\nMachineMetadata=role=db\n")
    with pytest.raises(CtlError, match="inactive; start it: fleetctl start off.service"):
        fleetctl("status", "off")
    with pytest.raises(CtlError, match="it fits on no machine:\n.*disk=ssd wanted"):
        fleetctl("status", "big")
    cluster.leave(DB)
    with pytest.raises(CtlError, match="was on 9d04e6a1.../lost, which is lost"):
        fleetctl("status", "db")


def test_locate_answers_in_json(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.add("hello.service")
    fleetctl("locate", "--units", "--", "hello")
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["unit"], found["machine"]["address"]) == ("hello.service", "10.0.0.11")
