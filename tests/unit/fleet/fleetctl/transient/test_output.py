"""The output of a run: all of it, each line once, wherever following it ends."""

import json
import os
import subprocess
from pathlib import Path
from threading import Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.transient.output import (
    END_OF_FOLLOWING,
    Output,
    Reader,
    command,
)


def entry(number: int) -> str:
    return json.dumps({"MESSAGE": str(number), "__CURSOR": f"c{number}"})


@given(data=st.data(), count=st.integers(0, 12))
def test_each_line_is_printed_once_wherever_following_ends(data: st.DataObject, count: int):
    followed = data.draw(st.integers(0, count), "lines that the follower printed")
    told = data.draw(st.integers(0, followed), "lines that had arrived when it was told to end")
    cut = data.draw(st.booleans(), "whether a line was cut off")
    lines = [entry(number) for number in range(followed)]
    lines += [entry(followed)[:9]] * (cut and followed < count)
    lines += ["", END_OF_FOLLOWING, *(entry(number) for number in range(told, count))]
    reader, asked_from = Reader(), f"c{told - 1}" if told else ""
    found = [reader.read(line + "\n", asked_from) for line in lines]
    assert [one for one in found if one is not None] == [str(n).encode() for n in range(count)]


JOURNALCTL = """#!/bin/sh
# One that follows never ends by itself, and has seen two lines of three. It is one process, as the
# real one: when it has been killed, nothing more is printed.
case "$*" in
*--sync*) touch "$FOLDER/synced" ;;
*--follow*)
    { read -r first; read -r second; } <"$FOLDER/journal"
    echo "$first"; echo "$second"; exec sleep 600 ;;
*--after-cursor=c0*) [ -e "$FOLDER/synced" ] && tail -n +2 "$FOLDER/journal" ;;
*--after-cursor=c1*) [ -e "$FOLDER/synced" ] && tail -n +3 "$FOLDER/journal" ;;
*) [ -e "$FOLDER/synced" ] && cat "$FOLDER/journal" ;;
esac
"""


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal of three lines; the last is one that journald had not taken in at the end."""
    for name, text in (("journalctl", JOURNALCTL), ("sudo", '#!/bin/sh\nshift; exec "$@"\n')):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "journal").write_text("".join(entry(number) + "\n" for number in range(3)))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("FOLDER", str(tmp_path))
    return tmp_path


def test_the_script_prints_the_rest_when_it_is_told_to(
    journal: Path, capfdbinary: pytest.CaptureFixture[bytes]
):
    output = Output(command("run-1.service", "run-1"), "m | ", Lock())
    assert output.finish() == 0
    assert capfdbinary.readouterr().out == b"m | 0\nm | 1\nm | 2\n"


def test_the_script_ends_with_whoever_has_started_it(journal: Path):
    script = command("run-1.service", "run-1")
    with subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdin and process.stdout.readline()
        process.stdin.close()
        process.stdout.read()
        assert process.wait(10) == 0


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_whoever_reads_it_may_go_before_its_end(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("fleet_cluster.fleet.fleetctl.transient.output.write", gone)
    assert Output(command("run-1.service", "run-1"), "", Lock()).finish() == 0


def test_a_line_that_is_cut_off_within_a_character_ends_nothing(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    lines = rf"printf '{{\303\n\036\n'; read -r _; echo '{entry(0)}'"
    assert Output(["sh", "-c", lines], "", Lock()).finish() == 0
    assert capfdbinary.readouterr().out == b"0\n"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_cannot_be_printed_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("fleet_cluster.fleet.fleetctl.transient.output.write", full)
    assert Output(["sh", "-c", f"echo '{entry(0)}'; exec sleep 600"], "", Lock()).finish() != 0
