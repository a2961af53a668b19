"""What fleet 1.0.0 had, row by row: it is here, or docs/fleetctl.md says that it is not."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.fleetctl.cli.local_files import read_files
from fleet_cluster.fleet.fleetctl.commands import COMMANDS as ALL
from fleet_cluster.fleet.fleetctl.commands.inspect import list_unit_files, list_units
from fleet_cluster.fleet.fleetctl.commands.machines import list_machines
from fleet_cluster.fleet.fleetctl.commands.parser import of_command, parse
from fleet_cluster.fleet.unitfiles.unitfile import UnitFileError
from fleet_cluster.fleet.unitfiles.unitfile import parse as parse_unit
from tests.checkout import CHECKOUT
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, Fleetctl, SmallCluster

DOCUMENT = (CHECKOUT / "docs" / "fleetctl.md").read_text()
COMPARED = DOCUMENT.partition("## Compared with fleet 1.0.0")[2]
NEW = COMPARED.partition("\nNew: ")[2].partition("\n\n")[0]

LISTS = ["--full", "-l", "--no-legend"]
WAITS = ["--no-block", "--block-attempts=3"]
COMMANDS = {
    "submit a": ["--replace"],
    "load a": [*WAITS, "--replace"],
    "start a": [*WAITS, "--replace"],
    "stop a": WAITS,
    "unload a": WAITS,
    "destroy a": WAITS,
    "restart a": ["--block-attempts=3"],
    "status a": ["--ssh-port=22"],
    "journal a": ["--lines=20", "-f", "--follow", "--ssh-port=22", "--sudo", "--output=cat"],
    "cat a": [],
    "list-units": [*LISTS, "--fields=unit,load,active,sub,machine,hash"],
    "list-unit-files": [*LISTS, "--fields=unit,global,hash,dstate,state,target,desc"],
    "list-machines": [*LISTS, "--fields=machine,ip,metadata"],
    "ssh": ["--machine=a", "--unit=a", "-A", "--forward-agent", "--ssh-port=22"],
    "verify a": [],
    "version": [],
}
GLOBAL = [
    "--endpoint=10.0.0.11:2379",
    "--tunnel=10.0.0.11",
    "--ssh-username=core",
    "--ssh-timeout=10",
    "--strict-host-key-checking=true",
    "--known-hosts-file=known",
    "--request-timeout=3",
    "--ca-file=a",
    "--cert-file=a",
    "--key-file=a",
]
LEFT_OUT = [
    "--driver",
    "--etcd-key-prefix",
    "--debug",
    "--experimental-api",
    "--sign",
    "fd-forward",
]


@pytest.mark.parametrize(
    ("command", "flag"), [(name, flag) for name in COMMANDS for flag in ("", *COMMANDS[name])]
)
def test_commands_and_their_flags(command: str, flag: str) -> None:
    name, *units = command.split()
    flags = [flag] if flag else []
    assert parse([name, *flags, *units])[0].name == name


def test_commands_that_it_did_not_have_are_told() -> None:
    known = {command.split()[0] for command in COMMANDS}
    ours = {name for name, command in ALL.items() if not command.hidden}
    assert {name for name in ours - known if f"`{name}`" not in NEW} == set()


@pytest.mark.parametrize("module", [list_units, list_unit_files, list_machines])
def test_fields_and_flags_of_lists_that_it_did_not_have_are_told(module: ModuleType) -> None:
    name = module.COMMAND.name
    (given,) = [flag for flag in COMMANDS[name] if flag.startswith("--fields=")]
    known = given.removeprefix("--fields=").split(",")
    assert {field for field in module.FIELDS if field not in known and f"`{field}`" not in NEW} == (
        set()
    )
    flags = {*of_command(name).option_names()} - {*of_command("").option_names()}
    unknown = flags - {"--help", "--fields", *COMMANDS[name]}
    assert {flag for flag in unknown if not re.search(rf"[` ]{flag}[` ]", NEW)} == set()


@pytest.mark.parametrize("flag", GLOBAL)
def test_flags_of_all_commands(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _, value = flag.removeprefix("--").partition("=")
    field = name.replace("-", "_")
    assert getattr(parse([flag, "list-units"])[1], field) == value
    monkeypatch.setenv(f"FLEETCTL_{field.upper()}", value)
    assert getattr(parse(["list-units"])[1], field) == value


def test_the_version_is_a_flag_too() -> None:
    assert parse(["--version"])[0].name == "version"


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_is_refused_and_told(name: str) -> None:
    with pytest.raises(SystemExit) as refused:
        parse([name, "list-units"])
    assert refused.value.code == Exit.USAGE
    assert f"`{name}`" in COMPARED


def test_an_instance_can_be_a_link_to_its_template(
    fleetctl: Fleetctl, cluster: SmallCluster, tmp_path: Path
) -> None:
    (tmp_path / "web@.service").write_text(SLEEP)
    (tmp_path / "web@1.service").symlink_to("web@.service")
    fleetctl.files = read_files([str(tmp_path / "web@1.service")])
    assert fleetctl("start", str(tmp_path / "web@1.service")) == Exit.DONE
    assert cluster.view().text_of("web@1.service") == SLEEP
    assert cluster.log == ["start web@1.service"]


ALLOWED = [
    "MachineID=" + "a" * 32,
    "MachineOf=b.service",
    "MachineMetadata=a=1 a=2\nMachineMetadata=b=1",
    "Conflicts=a* b*\nConflicts=c*",
    "Conflicts=a*\nGlobal=true",
    "Replaces=b.service",
    "X-ConditionMachineID=" + "a" * 32,
    "X-ConditionMachineOf=b.service",
    "X-ConditionMachineMetadata=a=1",
    "X-Conflicts=b*",
    *(f"Global={word}" for word in ("true", "yes", "1", "on", "t")),
]
REFUSED = [
    (f"MachineID={'a' * 32}\n{other}", "MachineID cannot be used with")
    for other in ("MachineOf=b.service", "Conflicts=b*", "Global=true", "Replaces=b.service")
] + [
    ("Global=true\nMachineOf=b.service", "Global cannot be used with MachineOf"),
    ("Global=true\nReplaces=b.service", "Global cannot be used with Replaces"),
    ("Conflicts=c*\nReplaces=b.service", "Replaces cannot be used with Conflicts"),
    ("MachineOf=b.service\nConflicts=b*", "asks to be with a unit that"),
]


@pytest.mark.parametrize("options", ALLOWED)
def test_options_of_units(options: str) -> None:
    assert parse_unit("web.service", f"{SLEEP}[X-Fleet]\n{options}\n")


@pytest.mark.parametrize(("options", "reason"), REFUSED)
def test_options_that_do_not_go_together(options: str, reason: str) -> None:
    with pytest.raises(UnitFileError, match=reason):
        parse_unit("web.service", f"{SLEEP}[X-Fleet]\n{options}\n")


@pytest.mark.parametrize("kind", ["path", "service", "socket", "target", "timer"])
def test_types_of_units_and_templates(kind: str) -> None:
    text = SLEEP if kind == "service" else "[Unit]\nDescription=x\n"
    for name in (f"web.{kind}", f"web@.{kind}", f"web@1.{kind}"):
        assert parse_unit(name, text).name == name
