"""Calls of machines with OpenSSH, its files written for each call alone.

With the standard library only: `etcd_data_probe.py`, which runs by itself, needs it too.
"""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = "@FOLDER@"
"""Stands in OpenSSH's files for the full path of their folder, until they are written."""
SSH_FAILED = 255
"""What ssh exits with when there is no connection."""
REFRESH = "if it is gone, `pulumi up --refresh` makes it anew; if it hangs, remove it first"
"""What to do about a machine that cannot be reached."""

_silent: set[tuple[str, str]] = set()
"""Machines that hang or cannot be reached, with their keys: others are asked first from then on."""


class UnreachableError(OSError):
    """No machine in question can be reached; with what ssh says of each."""


def call_any(
    machines: Sequence[str],
    command: str,
    files: Mapping[str, str],
    *,
    question: str = "",
    connect_seconds: int,
    seconds: int,
) -> tuple[str, subprocess.CompletedProcess[str]]:
    """Run a command on the first of these machines that can be reached: its name, what came of it.

    The arguments are those of `call`, the limits for each machine.

    Raises:
        UnreachableError: there is none.
        OSError, subprocess.TimeoutExpired: as `call`.
    """
    keys = files["known_hosts"]
    reasons: list[str] = []
    for machine in sorted(machines, key=lambda name: (keys, name) in _silent):
        limits = {"connect_seconds": connect_seconds, "seconds": seconds}
        try:
            done = call(machine, command, files, question=question, **limits)
        except subprocess.TimeoutExpired:
            _silent.add((keys, machine))
            raise
        if done.returncode != SSH_FAILED:
            return machine, done
        _silent.add((keys, machine))
        reasons.append(f"{machine}: {done.stderr.strip()}")
    raise UnreachableError("; ".join(reasons))


def call(
    machine: str,
    command: str,
    files: Mapping[str, str],
    *,
    question: str = "",
    connect_seconds: int,
    seconds: int,
) -> subprocess.CompletedProcess[str]:
    """Run a command on a machine, whatever comes of it.

    Args:
        machine: its name in `ssh_config`.
        command: what its shell runs.
        files: the texts of `ssh_config` and of those that it names, by name.
        question: what the command gets on stdin.
        connect_seconds: for the connection.
        seconds: for all of it.

    Raises:
        OSError, subprocess.TimeoutExpired: there is no OpenSSH, or no answer in time.
    """
    limits = ("-o", f"ConnectTimeout={connect_seconds}", "-o", "BatchMode=yes")
    with TemporaryDirectory() as folder:
        write_files(files, folder)
        return subprocess.run(
            ("ssh", "-F", f"{folder}/ssh_config", *limits, machine, command),
            input=question,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )


def write_files(files: Mapping[str, str], folder: str) -> None:
    """Write OpenSSH's files into a folder, each at once; `folder` is its full path.

    Keys are among them: they are the user's alone before there is anything in them.
    """
    Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in files.items():
        path = Path(folder, name)
        new = path.with_name(f".{name}.new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_text(in_folder(text, folder))
        new.replace(path)


def in_folder(text: str, folder: str) -> str:
    """A text with the folder's path; OpenSSH takes one with a space only between quotes."""
    quote = '"' if " " in folder else ""
    return re.sub(rf"{FOLDER}(\S*)", lambda found: f"{quote}{folder}{found[1]}{quote}", text)
