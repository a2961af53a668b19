"""Commands of the demo: run as they are shown, by a shell in the program's folder."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import IO, TextIO

from .stack import Stack, TroubleError

SAID = 15
"""How many lines of a command that failed are shown."""
CHANGES = re.compile(r" +[^\w\s]* ?(\d+ [a-z]+)")

Output = Callable[[Sequence[str]], Sequence[str]]
"""Which lines are shown of what a command has printed."""


def run(stack: Stack, command: str, doing: Callable[[str], None]) -> list[str]:
    """Run a command to its end: the lines that it printed, which the stack's log has too.

    An interrupt is passed on, once: pulumi finishes what it is doing.

    Args:
        stack: which pulumi and fleetctl are to speak of.
        command: what is typed.
        doing: is told each line as it comes.

    Raises:
        TroubleError: it fails; with the last that it said.
        KeyboardInterrupt: as it came, when the command has ended.
    """
    stack.log.touch(mode=0o600)
    with stack.log.open("a", buffering=1) as log:
        print(f"$ {command}", file=log)
        lines, code = _to_its_end(stack, command, doing, log)
    if code:
        said = "\n".join(lines[-SAID:])
        raise TroubleError(f"it ended with {code}; all of its output is in {stack.log}\n{said}")
    return lines


def _to_its_end(
    stack: Stack, command: str, doing: Callable[[str], None], log: TextIO
) -> tuple[list[str], int]:
    process = subprocess.Popen(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=stack.program,
        env=stack.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # An interrupt comes once, by us.
    )
    assert process.stdout
    lines: list[str] = []

    def read(pipe: IO[str]) -> None:
        for line in pipe:
            print(line, end="", file=log)
            lines.append(line.rstrip("\n"))
            doing(line.strip())

    try:
        read(process.stdout)
    except KeyboardInterrupt:
        doing("interrupted: pulumi finishes what it is doing")
        os.killpg(process.pid, signal.SIGINT)
        read(process.stdout)
        raise
    finally:
        for _ in process.stdout:  # As when the log's disk is full: unread, it would never end.
            pass
        process.wait()
    return lines, process.returncode


def everything(lines: Sequence[str]) -> Sequence[str]:
    """All of it."""
    return lines


def nothing(lines: Sequence[str]) -> Sequence[str]:
    """None of it."""
    return lines[:0]


def pulumi_summary(lines: Sequence[str]) -> Sequence[str]:
    """One line of what `pulumi up` has changed and how long it took; the rest is in the log."""
    _, _, end = "\n".join(lines).rpartition("\nResources:\n")
    changes = [found[1] for line in end.splitlines() if (found := CHANGES.fullmatch(line))]
    took = re.search(r"^Duration: (.+)$", end, re.M)
    return [", ".join(changes) + (f", in {took[1]}" if took else "")]
