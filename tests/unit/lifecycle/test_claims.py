"""What a resource's commands are told of changes by hand, and what its end leaves alone."""

import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from fleet_cluster._lifecycle.claims import claim_file, mended, unless_claimed

PATH = PurePosixPath("folder/kept")


@pytest.mark.parametrize(
    ("store", "times"),
    [("", 0), ("1a2b", 0), ("1a2b db.service=1", 0), ("1a2b /app/a=3 db.service=1", 3)],
)
def test_how_often_a_name_was_written_again(store: str, times: int):
    assert mended(store, "/app/a") == times


def sh(folder: Path, command: str, printed: str = "") -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env={**os.environ, "PULUMI_COMMAND_STDOUT": printed},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_end_of_a_resource_whose_file_is_anothers_does_nothing(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    write = f"echo text > {PATH}.new && {claim_file(PATH)}"
    end = unless_claimed(PATH, "echo ended")
    first = sh(tmp_path, write)
    second = sh(tmp_path, write)
    assert sh(tmp_path, end, first) == ""
    assert Path(tmp_path, PATH).read_text() == "text\n"
    assert sh(tmp_path, end, second) == "ended"
    assert not Path(tmp_path, PATH).exists()
    assert sh(tmp_path, end, second) == "ended", "a file that was lost is nobody's"


def test_without_being_told_what_it_has_printed_a_resources_end_is_its_end(tmp_path: Path):
    """As by an sshd that does not take the plugin's variables."""
    (tmp_path / "folder").mkdir()
    sh(tmp_path, f"echo text > {PATH}.new && {claim_file(PATH)}")
    assert sh(tmp_path, unless_claimed(PATH, "echo ended")) == "ended"
