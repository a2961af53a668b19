"""cgroups: where the processes of a unit and of its containers are, and their end.

Asked of the kernel: it answers also when systemd or the container engine hangs.
"""

import logging
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

from ..unitfiles.names import SYSTEMD_TYPES

log = logging.getLogger(__name__)

HIERARCHIES = (Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup"))
"""systemd's hierarchy is the first of them that is there: of version 1, else of version 2."""

PASSES = 100
"""How often a group is looked through for processes that were forked meanwhile."""

_LEADS_ON = re.compile(r".+\.slice|(docker|containerd)\.service")
"""Groups that may hold a unit's, or a slice as an engine without systemd's help makes it: within
its own group. Not a container's, nor a user's, whose groups may be called as they like."""


class Cgroups:
    """The hierarchy of groups that systemd and container engines share."""

    def __init__(self, root: Path | None = None) -> None:
        """`root`: where it is mounted, if not where systemd mounts it."""
        self._root = root or next((one for one in HIERARCHIES if one.is_dir()), HIERARCHIES[-1])

    def has_processes(self, name: str) -> bool:
        """Whether a unit has any."""
        return any(_processes(group) for group in self._groups(name))

    def kill_unit(self, name: str) -> None:
        """End all processes of a unit (SIGKILL)."""
        _kill_all(self._groups(name))

    def kill_containers(self, slice: str) -> bool:
        """End all that runs in a slice, but for its units (SIGKILL). Whether there was any."""
        inside = (group for found in self._groups(slice) for group in _subgroups(found))
        return _kill_all(group for group in inside if not _is_unit(group.name))

    def _groups(self, name: str) -> Iterator[Path]:
        # systemd puts an underscore before a name that could be that of the kernel's files.
        names = {name, f"_{name}"}
        for folder, children, _ in os.walk(self._root):
            yield from (Path(folder, child) for child in children if child in names)
            children[:] = [child for child in children if _LEADS_ON.fullmatch(child)]


def _is_unit(name: str) -> bool:
    return name.rpartition(".")[2] in SYSTEMD_TYPES


def _subgroups(group: Path) -> list[Path]:
    for folder, children, _ in os.walk(group):
        return [Path(folder, child) for child in children]
    return []  # It has just gone.


def _kill_all(groups: Iterator[Path]) -> bool:
    return any([_kill(group) for group in groups])


def _kill(group: Path) -> bool:
    """End all processes of a group and of those in it. Whether there was any."""
    if not _processes(group):
        return False
    if not _kill_at_once(group):
        _kill_each(group)
    return True


def _kill_at_once(group: Path) -> bool:
    """Have the kernel do it, also to what is being forked: version 2, since Linux 5.14."""
    try:
        file = os.open(group / "cgroup.kill", os.O_WRONLY)
        with os.fdopen(file, "w") as control:
            control.write("1")
    except OSError:  # There is no such file; or the group has just gone, or is a threaded one.
        return False
    return True


def _kill_each(group: Path) -> None:
    killed: set[int] = set()
    for _ in range(PASSES):
        alive = _processes(group) - killed
        if not alive:
            return
        for process in alive:
            _signal(process)
        killed |= alive
    log.error("%s: its processes fork faster than they can be killed", group)


def _processes(group: Path) -> set[int]:
    found: set[int] = set()
    for folder, _, _ in os.walk(group):
        try:
            listed = Path(folder, "cgroup.procs").read_text().split()
        except OSError:  # It has just gone; or it is a threaded one, whose parent lists them.
            continue
        # 0 is a process of another PID namespace.
        found |= {int(process) for process in listed} - {0}
    return found


def _signal(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return
