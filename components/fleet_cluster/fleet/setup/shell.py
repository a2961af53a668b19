"""Running programs and writing files, as the steps of the set-up need it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic, sleep

from .files import File
from .inputs import REFUSED


class StepError(Exception):
    """A step of the set-up failed; the message says why and what to do."""

    code = 1
    """What the program exits with."""


class RefusedError(StepError):
    """A step would do harm, and has changed nothing."""

    code = REFUSED


def run(*command: str, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end: its stdout.

    Raises:
        StepError: it failed; with its output.
    """
    done = subprocess.run(  # noqa: S603
        command, input=stdin, env={**os.environ, **(env or {})}, capture_output=True, text=True
    )
    if done.returncode != 0:
        output = (done.stderr or done.stdout).strip()
        raise StepError(f"`{' '.join(command)}` exited with {done.returncode}: {output}")
    return done.stdout


def systemctl(*arguments: str, seconds: int = 0) -> str:
    """Ask systemd; on failure of a service, its last journal lines are part of the error.

    `seconds`: how long it may take; 0 for as long as it likes.
    """
    limit = ("timeout", str(seconds)) if seconds else ()
    try:
        return run(*limit, "systemctl", *arguments)
    except StepError as error:
        lines = run("journalctl", "--no-pager", "--lines=20", "--unit", arguments[-1])
        raise StepError(
            f"{error}\nThe journal of {arguments[-1]} on this machine:\n{lines}"
        ) from error


def until(ready: Callable[[], bool], seconds: float) -> bool:
    """Ask four times a second until it is so; False when the time is over."""
    deadline = monotonic() + seconds
    while not ready():
        if monotonic() > deadline:
            return False
        sleep(0.25)
    return True


def has_content(path: Path) -> bool:
    """Whether a file is there and not empty, as a power cut leaves what was just written."""
    return path.exists() and path.stat().st_size > 0


def differs(path: str, file: File) -> bool:
    """Whether `write` would write this file."""
    target = Path(path)
    return not target.exists() or target.read_text() != file.text


def write(path: str, file: File) -> bool:
    """Write a file at once, with its mode and group from the start: whether it was different."""
    target = Path(path)
    if not differs(path, file):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}.new")
    staged.unlink(missing_ok=True)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(file.text)
    shutil.chown(staged, "root", file.group)
    staged.chmod(file.mode)
    staged.replace(target)
    return True


def say(line: str) -> None:
    """Progress, for Pulumi's log."""
    sys.stderr.write(line + "\n")
