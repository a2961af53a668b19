"""A program with `backups`: its units as fleet gets them, and the members that they may be on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from fleet_cluster.backups.schedule import Backups, check_backups, quoted, with_members_marked
from fleet_cluster.errors import InputError
from fleet_cluster.fleet.fleetctl.commands.machines.backup import SERVICE
from fleet_cluster.fleet.lint.unit_file import lint
from fleet_cluster.fleet.model.backups import BACKUP_TIMER
from fleet_cluster.fleet.unitfiles.unitfile import parse
from tests.unit.program.test_config import read
from tests.unit.program.test_program import CONFIG, Engine, run_program

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = {"backup-folder": '/mnt/100% "safe" share', "backup-calendar": "*-*-* 03:00:00"}


@pytest.fixture(scope="module")
def commands() -> Mapping[str, Mapping[str, Any]]:
    """The commands of a program with four machines, three of them etcd's members."""
    engine = Engine()
    chosen = CONFIG | SETTINGS | {"backup-keep": "3"}
    run_program(engine, {f"fleet-cluster:{key}": value for key, value in chosen.items()})
    return engine.of(":Command")


def sent(commands: Mapping[str, Mapping[str, Any]], unit: str) -> dict[str, str]:
    return json.loads(commands[unit]["stdin"])["units"][unit]


@pytest.mark.parametrize("unit", [SERVICE, BACKUP_TIMER])
def test_units_are_as_they_were(commands: Mapping[str, Mapping[str, Any]], unit: str) -> None:
    text = sent(commands, unit)["text"]
    assert text == (GOLDEN / unit).read_text()
    found = lint({unit: text})
    assert (found.faults, found.remarks) == ({}, {})


def test_the_service_is_fenced_and_started_by_the_timer_beside_it_alone(
    commands: Mapping[str, Mapping[str, Any]],
) -> None:
    service, timer = sent(commands, SERVICE), sent(commands, BACKUP_TIMER)
    assert (service["target"], timer["target"]) == ("loaded", "launched")
    assert parse(SERVICE, service["text"]).requirements.is_fenced
    assert f"\nMachineOf={SERVICE}\n" in timer["text"]


def test_only_members_of_etcd_are_marked_and_other_metadata_stay(
    commands: Mapping[str, Mapping[str, Any]],
) -> None:
    marked = [
        json.loads(commands[f"machine-{n}-configure"]["stdin"])["metadata"] for n in range(1, 5)
    ]
    member = {"etcd": "member"}
    assert marked == [{"role": "web", **member}, member, member, {}]


def test_a_program_without_has_none_of_it() -> None:
    assert check_backups(None) is None
    assert read().backups is None


def test_what_was_not_chosen_is_as_documented() -> None:
    assert check_backups({"folder": "/b"}) == Backups("/b", "", "daily", 7)
    assert read(backup_command="cat > /dev/null").backups == {
        "command": "cat > /dev/null",
        "calendar": "daily",
    }


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "backups: give one of folder and command"),
        ({"folder": "/b", "command": "c"}, "backups: give one of folder and command"),
        ({"folder": "b"}, "backups.folder: 'b' is not allowed; allowed: a full path"),
        ({"folder": "/b", "keep": 0}, "backups.keep: 0 is not allowed; .* from 1 to 1000"),
        ({"command": "c", "keep": 3}, "backups.keep: it is for a folder"),
        ({"command": "a\nb"}, "backups.command: .* allowed: one line"),
    ],
)
def test_what_is_not_allowed_is_named(given: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        check_backups(given)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"backup_folder": "/b", "backup_command": "c"}, "backup-command: 'c' .* backup-folder"),
        ({"backup_folder": "b"}, "backup-folder: 'b' .* a full path"),
        ({"backup_keep": "0"}, "backup-keep: '0' .* from 1 to 1000"),
    ],
)
def test_a_setting_that_is_not_allowed_is_named(given: dict[str, str], why: str) -> None:
    with pytest.raises(config.SettingError, match=why):
        read(**given)


def test_metadata_that_say_something_else_are_refused() -> None:
    with pytest.raises(InputError, match=r"metadata\[1\]: the key etcd is the library's"):
        with_members_marked([{}, {"etcd": "3.6"}], 3)


def as_systemd_reads(text: str) -> str:
    """What stands between double quotes, with systemd's escapes and specifiers (pure)."""
    read, rest = "", text
    while rest:
        width = 2 if rest[0] in "\\%" else 1
        read, rest = read + rest[width - 1], rest[width:]
    return read


@given(st.text(alphabet=st.characters(exclude_categories=["C"]), max_size=40))
def test_a_text_arrives_as_it_was_given(text: str) -> None:
    assert as_systemd_reads(quoted(text)) == text
    assert '"' not in quoted(text).replace("\\\\", "").replace('\\"', "")
