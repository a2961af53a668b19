"""What a machine tells of itself is checked; a machine that has been noted since is not drained."""

import os
import subprocess
from pathlib import Path

import pulumi
import pytest

from fleet_cluster._lifecycle.drain_on_delete import (
    FOLDER,
    FOLDER_BEFORE,
    machine_id,
    note,
    unless_noted_since,
)

ID = "0a" * 16


@pytest.mark.parametrize("told", [f"{ID}\n", f"1234 .fleet/leaves/{ID}"])
def test_id_of_a_machine(told: str) -> None:
    """The second is what a resource of the library before has printed: previews still have that."""
    assert machine_id(told) == ID


@pytest.mark.parametrize("told", ["", "a\nb", "quo'te", "esc\x1b[1mape", "a; b", "$(a)", "-a"])
def test_what_is_no_id_becomes_no_word_of_a_command(told: str) -> None:
    with pytest.raises(pulumi.RunError, match="/etc/machine-id .* is no machine's id"):
        machine_id(told)


def run(home: Path, command: str, printed: str | None = None) -> str:
    """What a command prints on a member; `printed` is what its resource has printed before."""
    before = {} if printed is None else {"PULUMI_COMMAND_STDOUT": printed}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=home,
        env={"PATH": os.environ["PATH"], **before},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def drains(home: Path, printed: str | None) -> bool:
    return run(home, unless_noted_since(ID, "echo drained"), printed) == "drained"


def test_a_machine_that_nobody_has_noted_since_is_drained(tmp_path: Path) -> None:
    noted = run(tmp_path, note(ID))
    assert drains(tmp_path, noted)
    assert not (tmp_path / FOLDER / ID).exists()
    assert drains(tmp_path, noted), "a member that has no note"


def test_a_machine_that_another_resource_has_noted_since_is_not(tmp_path: Path) -> None:
    first, second = run(tmp_path, note(ID)), run(tmp_path, note(ID))
    assert not drains(tmp_path, first)
    assert drains(tmp_path, second)


def test_a_member_that_has_an_older_note_lets_it_be_drained(tmp_path: Path) -> None:
    """It was away when the machine was noted last."""
    away, there = tmp_path / "away", tmp_path / "there"
    away.mkdir()
    there.mkdir()
    run(away, note(ID))
    assert drains(away, run(there, note(ID)))


def test_without_what_was_printed_it_is_drained(tmp_path: Path) -> None:
    """Where the server takes no environment: better emptied in vain than full when it goes."""
    run(tmp_path, note(ID))
    assert drains(tmp_path, None)


def test_one_that_the_library_before_has_noted_since_is_not(tmp_path: Path) -> None:
    noted = run(tmp_path, note(ID))
    before = tmp_path / FOLDER_BEFORE / ID
    before.parent.mkdir()
    before.touch()
    os.utime(before, ns=(1, 1))
    kept = (tmp_path / FOLDER / ID).read_text()
    assert drains(tmp_path, noted), "it has noted it before"
    (tmp_path / FOLDER / ID).write_text(kept)
    os.utime(tmp_path / FOLDER / ID, ns=(1, 1))
    before.touch()
    assert not drains(tmp_path, noted)
