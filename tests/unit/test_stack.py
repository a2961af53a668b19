"""Commands of the tests on real machines: how they end."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.cluster.stack import Stack


def test_nothing_of_a_command_goes_on_after_its_time(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            stack(tmp_path).run("sh", "-c", f"sleep 30 >{fifo}; echo on", seconds=1)
        assert os.read(end, 1) == b"", "who would write there is no more"
    finally:
        os.close(end)


def test_a_command_that_ends_is_told_as_it_was(tmp_path: Path) -> None:
    done = stack(tmp_path).run("sh", "-c", "cat; echo no >&2; exit 3", check=False, stdin="in")
    assert (done.code, done.out, done.err) == (3, "in", "no\n")


def stack(folder: Path) -> Stack:
    return Stack("any", folder, folder)
