import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, UsageError
from fleet_cluster.fleet.fleetctl.commands.parser import parse
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import DesiredState, MachineState, UnitState
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.checkout import CHECKOUT
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def busy(cluster: SmallCluster) -> SmallCluster:
    """Units in all the conditions that list-units tells apart."""
    cluster.join(MachineState("c0ffee00" + "0" * 24, "10.0.0.13", "machine-3", {}, "2"))
    cluster.add("hello.service")
    cluster.add("all.service", SLEEP + "[X-Fleet]\nGlobal=true\n")
    cluster.add("big.service", SLEEP + "[X-Fleet]\nMachineMetadata=disk=ssd\n")
    cluster.add("sinatra@.service", target=DesiredState.INACTIVE)
    cluster.add("sinatra@5000.service")
    cluster.add("loaded.service", target=DesiredState.LOADED)
    cluster.report("sinatra@5000.service", UnitState("loaded", "failed", "failed", "ab" * 32, 5))
    return cluster


@pytest.mark.parametrize("command", ["list-units", "list-machines", "list-unit-files"])
def test_tables(fleetctl: Fleetctl, busy: SmallCluster, capsys: Output, command: str) -> None:
    assert fleetctl(command) == Exit.DONE
    assert capsys.readouterr().out == (GOLDEN / f"{command}.txt").read_text()


@pytest.mark.parametrize("command", ["list-units", "list-machines", "list-unit-files"])
def test_json_has_one_shape(
    fleetctl: Fleetctl, busy: SmallCluster, capsys: Output, command: str
) -> None:
    assert fleetctl(command, "--output", "json") == Exit.DONE
    assert capsys.readouterr().out == (GOLDEN / f"{command}.json").read_text()


@pytest.mark.parametrize("command", ["list-units", "list-unit-files"])
@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["sinatra@*"], {"sinatra@.service", "sinatra@5000.service"}),
        (["hello", "l*"], {"hello.service", "loaded.service"}),
        (["hello", "hel*.service"], {"hello.service"}),
        (["*.timer"], set[str]()),
    ],
)
def test_only_the_units_that_are_named(
    fleetctl: Fleetctl,
    busy: SmallCluster,
    capsys: Output,
    command: str,
    given: list[str],
    found: set[str],
) -> None:
    assert fleetctl(command, *given, "--no-legend") == Exit.DONE
    output = capsys.readouterr()
    # A template is on no machine, so list-units has no line for it.
    shown = found - {"sinatra@.service"} if command == "list-units" else found
    assert {line.split()[0] for line in output.out.splitlines()} == shown
    assert output.err == ""
    fleetctl(command, *given, "--output", "json")
    assert {row["unit"] for row in json.loads(capsys.readouterr().out)} == shown


def test_notes_are_about_the_units_that_are_named(
    fleetctl: Fleetctl, busy: SmallCluster, capsys: Output
) -> None:
    fleetctl("list-units", "hello")
    assert capsys.readouterr().err == ""
    fleetctl("list-units", "big")
    assert "big.service: it fits on no machine" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["list-units", "list-unit-files"])
def test_nothing_to_list_is_said(fleetctl: Fleetctl, capsys: Output, command: str) -> None:
    assert fleetctl(command) == Exit.DONE
    assert "There is no unit in the cluster" in capsys.readouterr().err
    assert fleetctl(command, "web@*") == Exit.DONE
    assert "No unit in the cluster matches web@*" in capsys.readouterr().err
    with pytest.raises(CtlError, match=r"there is no unit web@1\.service in the cluster"):
        fleetctl(command, "web@1")


def test_columns_line_up_at_tab_stops(
    fleetctl: Fleetctl, busy: SmallCluster, capsys: Output
) -> None:
    fleetctl("list-units")
    lines = [line.expandtabs(8) for line in capsys.readouterr().out.splitlines()]
    for title in ("MACHINE", "ACTIVE", "SUB"):
        column = lines[0].index(title)
        assert all(line[column - 1] == " " and line[column] != " " for line in lines)


def test_no_legend_prints_only_rows(fleetctl: Fleetctl, busy: SmallCluster, capsys: Output) -> None:
    fleetctl("list-machines", "--no-legend", "--fields", "ip")
    assert capsys.readouterr().out == "10.0.0.11\n10.0.0.12\n10.0.0.13\n"


def test_full_prints_whole_ids(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    fleetctl("list-machines", "--full", "--no-legend", "--fields", "machine")
    assert WEB.id in capsys.readouterr().out


def test_an_unknown_field_is_a_usage_error(fleetctl: Fleetctl) -> None:
    with pytest.raises(UsageError, match="unknown field 'ipp'; allowed are: machine, ip.*mean ip"):
        fleetctl("list-machines", "--fields", "ipp")


def test_json_has_all_fields(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    cluster.add("hello.service")
    fleetctl("list-units", "--output", "json")
    (row,) = json.loads(capsys.readouterr().out)
    assert row["unit"] == "hello.service"
    assert row["machine"] == f"{WEB.id}/10.0.0.11"
    assert row["hash"] == sha_of(SLEEP)
    assert (row["active"], row["dstate"], row["lost"]) == ("active", "launched", False)


def test_why_a_unit_is_nowhere_is_told_below(
    fleetctl: Fleetctl, busy: SmallCluster, capsys: Output
) -> None:
    fleetctl("list-units")
    error = capsys.readouterr().err
    assert error.startswith("big.service: it fits on no machine:\n  3f2a91bc.../10.0.0.11: ")


def test_a_lost_machine_is_marked(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("hello.service")
    cluster.leave(WEB)
    fleetctl("list-units", "--no-legend")
    cells = capsys.readouterr().out.split()
    assert cells == ["hello.service", "3f2a91bc.../lost", "lost", "unknown"]


def test_the_last_state_of_a_lost_machine_is_kept(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("hello.service")
    cluster.store.remove(keys.machine_key(WEB.id))
    fleetctl("list-units", "--no-legend")
    assert capsys.readouterr().out.split()[2:] == ["lost", "active"]


def test_a_held_unit_and_a_problem_are_told(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    state = UnitState("loaded", "active", "running", "0" * 64, 1, orphan=True)
    cluster.put(keys.state_key(WEB.id, "held.service"), state)
    troubled = replace(state, orphan=False, problem="refused")
    cluster.put(keys.state_key(WEB.id, "troubled.service"), troubled)
    fleetctl("list-units")
    error = capsys.readouterr().err
    assert "held.service on 3f2a91bc.../10.0.0.11 is held" in error
    assert "troubled.service on 3f2a91bc.../10.0.0.11: refused" in error


def test_cat_prints_the_file(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    cluster.add("hello.service")
    assert fleetctl("cat", "hello") == Exit.DONE
    assert capsys.readouterr().out == SLEEP


def test_why_of_one_that_fits_nowhere(
    fleetctl: Fleetctl, busy: SmallCluster, capsys: Output
) -> None:
    assert fleetctl("why", "big") == Exit.FAILED
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "big.service is on no machine; its desired state is launched"
    lines = lines[lines.index("Each machine now:") :]
    assert [line.split()[0] for line in lines[1:]] == [
        "3f2a91bc.../10.0.0.11",
        "9d04e6a1.../10.0.0.12",
        "c0ffee00.../10.0.0.13",
    ]
    assert all("disk" in line for line in lines[1:])


def test_why_of_one_that_runs(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    cluster.add("db.service", SLEEP + "[X-Fleet]\nMachineMetadata=role=db\n")
    assert fleetctl("why", "db") == Exit.DONE
    out = capsys.readouterr().out
    assert "db.service is on 9d04e6a1.../10.0.0.12" in out
    assert "it is here" in out and "role" in out


def test_why_tells_of_one_unit(fleetctl: Fleetctl, busy: SmallCluster) -> None:
    with pytest.raises(CtlError, match=r"why tells of one unit; sinatra\* is sinatra@.service, "):
        fleetctl("why", "sinatra*")


EXAMPLES = re.findall(
    r"^```json (\S+)\n(.*?)^```",
    (CHECKOUT / "docs/fleetctl.md").read_text(),
    re.M | re.S,
)


@pytest.mark.parametrize(("golden", "example"), EXAMPLES)
def test_the_document_shows_json_as_it_is_printed(golden: str, example: str) -> None:
    printed = json.loads((GOLDEN / f"{golden}.json").read_text())
    assert shape(json.loads(example)) == shape(printed[0] if isinstance(printed, list) else printed)


def test_the_document_has_an_example_of_each() -> None:
    assert {name for name, _ in EXAMPLES} == {path.stem for path in GOLDEN.glob("*.json")}


def shape(value: Any) -> Any:
    """The fields of an object, and of what is in it; ids and units as keys are no fields."""
    if isinstance(value, list):
        return shape(cast(list[Any], value)[0]) if value else None
    if not isinstance(value, dict):
        return None
    fields = cast(dict[str, Any], value)
    is_record = all(re.fullmatch(r"[a-z]+", key) for key in fields)
    return {key: shape(one) for key, one in fields.items()} if is_record and fields else None


@pytest.mark.parametrize(
    ("job", "reason", "told"),
    [
        ("", "", ""),
        ("pending", "", ""),
        ("done", "ConditionHost=x is not met", "systemd skipped it: ConditionHost=x is not met"),
        ("timeout", "", "systemd did not start it: timeout"),
    ],
)
def test_what_systemd_did_not_start_is_a_problem(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output, job: str, reason: str, told: str
) -> None:
    cluster.add("hello.service")
    state = cluster.state("hello.service", "inactive", "dead")
    cluster.report("hello.service", replace(state, job=job, reason=reason))
    fleetctl("list-units", "--output", "json")
    assert json.loads(capsys.readouterr().out)[0]["problem"] == told


def test_a_name_that_is_too_long_is_told_and_can_be_destroyed(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    name = "a" * 242 + ".service"
    cluster.add(name)
    fleetctl("list-units")
    assert "it cannot run: unit name 'aaaa" in capsys.readouterr().err
    assert fleetctl("destroy", name) == Exit.DONE
    assert not cluster.view().units


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("list-units", "all.service big.service hello.service loaded.service sinatra@5000.service"),
        ("list-machines", "machine-1 machine-2 machine-3"),
        (
            "list-unit-files",
            "all.service big.service hello.service loaded.service "
            "sinatra@.service sinatra@5000.service",
        ),
    ],
)
def test_names_alone_are_what_other_commands_take_each_once(
    fleetctl: Fleetctl, busy: SmallCluster, capsys: Output, command: str, names: str
) -> None:
    fleetctl(command, "--output", "name")
    assert capsys.readouterr() == ("".join(f"{name}\n" for name in names.split()), "")


@pytest.mark.parametrize("command", ["list-units", "list-machines", "list-unit-files"])
def test_a_wide_table_has_all_columns_and_its_notes(
    fleetctl: Fleetctl, busy: SmallCluster, capsys: Output, command: str
) -> None:
    fleetctl(command)
    notes = capsys.readouterr().err
    fleetctl(command, "--output", "json")
    fields = list(json.loads(capsys.readouterr().out)[0])
    fleetctl(command, "--output", "wide")
    wide = capsys.readouterr()
    assert set(wide.out.splitlines()[0].lower().split()) == set(fields)
    assert wide.err == notes


@pytest.mark.parametrize(
    "words",
    [["list-units"], ["list-machines"], ["list-unit-files"], ["why", "hello"], ["plan"]],
)
def test_yaml_says_what_json_says(
    fleetctl: Fleetctl, busy: SmallCluster, capsys: Output, words: list[str]
) -> None:
    if words == ["plan"]:
        fleetctl.document = '{"owner": "me", "units": {}}'
    code = fleetctl(*words, "--output", "json")
    said = capsys.readouterr()
    assert fleetctl(*words, "--output", "yaml") == code
    again = capsys.readouterr()
    assert yaml.safe_load(again.out) == json.loads(said.out) != []
    assert again.err == said.err


@pytest.mark.parametrize(
    "words",
    [
        *(["list-names"], ["list-backups"], ["list-units"], ["list-unit-files"]),
        *(["list-machines"], ["history", "a"], ["runs", "a"], ["secret", "list"]),
    ],
)
@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml", "name"])
def test_all_lists_have_the_same_outputs(words: list[str], output: str) -> None:
    assert parse([*words, "--output", output])[1].named
