"""What others have written into the cluster does nothing to the operator's terminal or computer."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.cli.output import escaped_output
from fleet_cluster.fleet.fleetctl.remote import access, tunnel
from fleet_cluster.fleet.fleetctl.remote.access import FromOutside
from fleet_cluster.fleet.fleetctl.remote.ssh import SshHost, SshOptions
from fleet_cluster.fleet.fleetctl.remote.tunnel import Tunnel
from fleet_cluster.fleet.kv import KeyValue
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import Unit, UnitState
from fleet_cluster.fleet.model.wire import to_wire
from tests.unit.fleet.fleetctl.small_cluster import WEB, FakeMachines, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]
ODD = "line\nquo'te \x1b[1mesc"
SHOWN = r"line\nquo'te \x1b[1mesc"


def with_metadata(cluster: SmallCluster) -> None:
    cluster.join(replace(WEB, metadata={"role": ODD}))


def with_version(cluster: SmallCluster) -> None:
    cluster.join(replace(WEB, version=ODD))


def with_problem(cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    cluster.report("hello.service", replace(_state(cluster), problem=ODD))


def with_sub(cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    cluster.report("hello.service", replace(_state(cluster), sub=ODD))


def with_load(cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    cluster.report("hello.service", replace(_state(cluster), load=ODD))


def with_active(cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    cluster.report("hello.service", replace(_state(cluster), active=ODD))


def with_hash(cluster: SmallCluster) -> None:
    cluster.store.put(keys.unit_key("hello.service"), Unit(ODD).to_json())


def _state(cluster: SmallCluster) -> UnitState:
    return cluster.state("hello.service", "active", "running")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (with_metadata, "list-machines"),
        (with_version, "list-machines --fields version"),
        (with_problem, "list-units --fields problem"),
        (with_sub, "list-units"),
        (with_active, "list-units"),
        (with_load, "list-units --fields load"),
        (with_hash, "list-unit-files --full"),
    ],
)
def test_field_is_shown_escaped_and_in_one_line(
    fleetctl: Fleetctl,
    cluster: SmallCluster,
    capsys: Output,
    write: Callable[[SmallCluster], None],
    words: str,
) -> None:
    write(cluster)
    with escaped_output():
        assert fleetctl(*words.split()) == 0
    told = capsys.readouterr()
    assert SHOWN in told.out and "\x1b" not in told.out + told.err


@pytest.mark.parametrize("command", ["why hello.service", "plan hello.service"])
def test_reasons_cannot_command_the_terminal(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output, command: str
) -> None:
    with_problem(cluster)
    with escaped_output():
        fleetctl(*command.split())
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err


def test_unit_file_is_printed_as_it_is(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    text = "[Service]\nExecStart=/bin/echo \u00ad\n"
    cluster.add("hello.service", text)
    with escaped_output():
        assert fleetctl("cat", "hello") == 0
    assert capsys.readouterr().out == text


def test_journal_of_a_unit_is_no_message_to_the_near_end(capsys: Output) -> None:
    with escaped_output():
        print(f'{tunnel.MESSAGE}{{"unit":"x.service"}}', file=sys.stderr)
        tunnel.send_message("{}")
    first, second, _ = capsys.readouterr().err.split("\n")
    assert not first.startswith(tunnel.MESSAGE) and second == tunnel.MESSAGE + "{}"


@pytest.mark.parametrize("name", ["quo'te.service", "-option.service", "spa ce.service"])
@pytest.mark.parametrize("command", ["status", "journal"])
def test_unit_with_an_odd_name_is_no_word_of_a_command(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines, command: str, name: str
) -> None:
    cluster.add("hello.service")
    for key in (keys.unit_key(name), keys.state_key(WEB.id, name)):
        source = keys.unit_key("hello.service") if "units" in key else _a_state(cluster)
        cluster.store.entries[key] = KeyValue(key, cluster.store.entries[source].value, 1, 1)
    assert fleetctl(command, "*") == 0
    assert [words for _, words, _ in machines.runs if name in " ".join(words)] == []
    with pytest.raises(CtlError, match="is not a unit's name"):
        fleetctl(command, "--", name)


def _a_state(cluster: SmallCluster) -> str:
    return next(key for key in cluster.store.entries if key.startswith(keys.STATES))


@pytest.mark.parametrize(
    "said",
    [
        {"machine": {**to_wire(WEB), "address": "-oProxyCommand=true"}, "unit": "a.service"},
        {"machine": {**to_wire(WEB), "hostname": "ho'st"}, "unit": "a.service"},
        {"machine": {**to_wire(WEB), "id": 1}, "unit": "a.service"},
        {"machine": to_wire(WEB), "unit": "a\nb.service"},
        {"machine": to_wire(WEB)},
        [],
    ],
)
def test_machine_that_is_told_by_another_is_checked_before_ssh_is_called(
    said: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(access.subprocess, "run", calls.append)
    outside = FromOutside(Tunnel(SshHost("m"), SshOptions()), [])
    with pytest.raises(CtlError, match="says what cannot be used"):
        outside.take_message(json.dumps(said))
    assert not calls


def test_streams_are_as_before_afterwards() -> None:
    output = sys.stdout
    with escaped_output():
        assert not sys.stdout.isatty() and sys.stdout is not output
    assert sys.stdout is output
