"""What is shown of Pulumi's output where there is no terminal. The rows are an engine's own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT
from toolchain.progress import PAUSE, SAID, STILL, Progress

BUILD = """\
Updating (dev):

    pulumi:pulumi:Stack fleet-cluster-dev  warning: careful
 +  pulumi:pulumi:Stack fleet-cluster-dev creating (0s) warning: careful
 +  fleet-cluster:index:Image hello creating (0s)\x20
 +  docker:index:Image hello creating (0s)\x20
 +  docker:index:Image hello creating (0s) Step 1/2 : FROM debian:bookworm-slim
 +  docker:index:Image hello creating (4s) Setting up libc6 (2.36-9) ...
 +  docker:index:Image hello created (8s) Setting up libc6 (2.36-9) ...
 +  fleet-cluster:index:Image hello created (8s)\x20
 +  pulumi:pulumi:Stack fleet-cluster-dev created (24s) 1 warning
Diagnostics:
  pulumi:pulumi:Stack (fleet-cluster-dev):
    warning: careful

Outputs:
    url: "http://127.0.0.1:8080"

Resources:
    + 3 created

Duration: 27s
"""

REPLACEMENT = """\
 ++ command:remote:Command key creating replacement (0s) [diff: ~triggers]; one
 ++ command:remote:Command key created replacement (3s) [diff: ~triggers]; one
 -- command:remote:Command key deleting original (0s) [diff: ~triggers]; one
 -- command:remote:Command key deleted original (1s)[retain] [diff: ~triggers]; one
    docker:index:Image hello  Building your image for linux/amd64 architecture.
 ~  docker:index:Image hello updating (0s) [diff: ~build]; Using cache
 ~  docker:index:Image hello updated (0.02s) [diff: ~build]; Using cache
"""


def shown(text: str) -> list[str]:
    """What is shown of an output whose lines come a second apart."""
    progress = Progress(0)
    return [
        line
        for second, printed in enumerate(text.splitlines())
        for line in progress.take(printed, second)
    ]


def test_a_resource_is_a_line_when_it_is_done() -> None:
    rows, rest = shown(BUILD)[:3], shown(BUILD)[3:]
    assert rows == ["Updating (dev):", "", " +  docker:index:Image hello created (8s)"]
    assert rest == BUILD.splitlines()[11:], "what Pulumi sums up is shown as it is"


def test_a_change_says_of_what() -> None:
    assert shown(REPLACEMENT) == [
        " ++ command:remote:Command key created replacement (3s) [diff: ~triggers]",
        " -- command:remote:Command key deleted original (1s)[retain] [diff: ~triggers]",
        " ~  docker:index:Image hello updated (0.02s) [diff: ~build]",
    ]


def test_a_resource_that_fails_shows_the_last_that_was_no_diagnostic() -> None:
    begun = " ~  docker:index:Image hello updating (0s) [diff: ~build]"
    said = [f"Setting up package {number} ..." for number in range(20)]
    other = " +  docker:index:Image nginx creating (1s) Setting up nginx ..."
    failed = " ~  docker:index:Image hello **updating failed** [diff: ~build]; error: code: 100"
    error = f"{begun}; error: code: 100"
    rows = [begun, *(f"{begun}; {one}" for one in said), other, error, failed]
    assert shown("\n".join(rows)) == [
        f" ~  docker:index:Image hello **updating failed** ({len(rows) - 1}s) [diff: ~build]",
        *(f"    {one}" for one in said[-SAID:]),
    ]


def test_what_an_interrupt_left_unfinished_is_shown() -> None:
    row = " +  docker:index:Image hello creating (interrupted) Setting up libc6 ..."
    assert shown(row) == [" +  docker:index:Image hello creating (interrupted) (0s)"]


def test_a_line_that_is_no_row_is_shown() -> None:
    lines = ["Downloading provider: docker: starting", "panic: what", " +  a b created (1s)", "- x"]
    assert shown("\n".join(lines)) == lines


def test_an_output_that_looks_like_a_row_is_shown() -> None:
    lines = ["Outputs:", "    a:b:c created (1s)", " +  a:b:C name creating (1s) "]
    assert shown("\n".join(lines)) == lines


def test_long_work_is_shown_after_a_pause() -> None:
    progress = Progress(0)
    progress.take(" +  fleet-cluster:index:Image hello creating (0s) ", 1)
    progress.take(" +  docker:index:Image hello creating (0s) Step 1/2 : FROM debian", 1)
    progress.take(" +  docker:index:Image hello creating (9s) Setting up libc6 ...", 10)
    assert progress.wait(PAUSE - 1) == []
    expected = f" +  docker:index:Image hello creating ({PAUSE:.0f}s) Setting up libc6 ..."
    assert progress.wait(PAUSE + 1) == [expected]
    assert progress.wait(PAUSE + 2) == [], "it was shown a second ago"
    progress.take(" +  docker:index:Image hello created (60s) ", 61)
    assert progress.wait(200) == [], "nothing is worked on"


def test_what_takes_longest_stands_for_the_others() -> None:
    progress = Progress(0)
    for number in range(9):
        progress.take(f" +  command:remote:Command step-{number} creating (0s) ", number)
    assert progress.wait(100) == [
        *(
            f" +  command:remote:Command step-{number} creating ({100 - number}s)"
            for number in range(STILL)
        ),
        f"    and {9 - STILL} more",
    ]


def test_long_work_that_says_much_is_shown_as_well() -> None:
    row = " +  docker:index:Image hello creating (0s) Setting up package {} ..."
    rows = [row.format(second) for second in range(int(2 * PAUSE) + 1)]
    work = " +  docker:index:Image hello creating ({0:.0f}s) Setting up package {0:.0f} ..."
    assert shown("\n".join(rows)) == [work.format(PAUSE), work.format(2 * PAUSE)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="it is Linux's")
def test_a_disk_that_is_full_keeps_nothing_from_being_shown() -> None:
    """Or Pulumi would be ended by what it prints to, in the middle of an update."""
    command = (sys.executable, "-X", "utf8", CHECKOUT / "toolchain/progress.py", "/dev/full")
    done = subprocess.run(command, input="one\ntwo\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith("  the log is not written any more: ")
    assert said[1:] == ["one", "two"]


def test_all_lines_are_in_the_log(tmp_path: Path) -> None:
    command = (sys.executable, "-X", "utf8", CHECKOUT / "toolchain/progress.py", tmp_path / "log")
    lines = b"one\n\xff \xc3\xbc\n"
    subprocess.run(command, input=lines, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "log").read_bytes() == lines
