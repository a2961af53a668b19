"""Processes of a unit on this machine, as systemd and the kernel tell of them."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...systemd.cgroups import HIERARCHIES
from ..cli.errors import CtlError

PROC = Path("/proc")
_ASKED = "ActiveState,SubState,MainPID,ControlGroup"


@dataclass(frozen=True)
class Processes:
    """Processes of a unit."""

    state: str
    """What systemd says of it: `active (running)`."""
    main: int
    """The main process, or else the first; 0 if there is none."""
    groups: list[str]
    """The names of the cgroups within the unit's own, such as those of containers."""
    commands: Mapping[int, list[str]]
    """The command lines of the unit's own processes, by id: of no container within its cgroup."""


def processes_of(service: str, root: Path | None = None, proc: Path = PROC) -> Processes:
    """What runs of a unit.

    Args:
        service: the unit, by the name that systemd knows.
        root: where systemd's hierarchy of cgroups is mounted, if not where it mounts it.
        proc: where the kernel tells of processes.

    Raises:
        CtlError: systemd does not answer.
    """
    shown = _show(service)
    root = root or next((one for one in HIERARCHIES if one.is_dir()), HIERARCHIES[-1])
    group = shown.get("ControlGroup", "").lstrip("/")
    groups, own = look_through(root / group) if group else ([], [])
    commands = {process: words_of(proc, process) for process in own}
    main = int(shown.get("MainPID") or 0) or min(commands, default=0)
    return Processes(f"{shown['ActiveState']} ({shown['SubState']})", main, groups, commands)


def _show(service: str) -> dict[str, str]:
    call = ["systemctl", "show", f"--property={_ASKED}", "--", service]
    answer = subprocess.run(call, capture_output=True, text=True, check=False)
    shown = dict(line.split("=", 1) for line in answer.stdout.splitlines() if "=" in line)
    if "ActiveState" not in shown or "SubState" not in shown:
        raise CtlError(f"systemd does not tell of {service}: {answer.stderr.strip()}")
    return shown


def look_through(group: Path) -> tuple[list[str], list[int]]:
    """The names of the cgroups within one, and the processes of all that are no containers'."""
    names: list[str] = []
    found: list[int] = []
    for folder, children, _ in os.walk(group):
        names += children
        children[:] = [child for child in children if not child.startswith("libpod-payload-")]
        try:
            listed = Path(folder, "cgroup.procs").read_text().split()
        except OSError:  # It has just gone; or it is a threaded one, whose parent lists them.
            continue
        found += [int(process) for process in listed if process != "0"]
    return names, found


def words_of(proc: Path, process: int) -> list[str]:
    """The command line of a process; empty if it has just ended."""
    try:
        line = (proc / str(process) / "cmdline").read_bytes()
    except OSError:
        return []  # It has just ended.
    return [os.fsdecode(word) for word in line.split(b"\0")[:-1]]
