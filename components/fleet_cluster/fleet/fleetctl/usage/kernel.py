"""What the kernel counts of a machine, of cgroups of version 1 and 2, and of processes."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
PROC = Path("/proc")
COUNTING: tuple[str, ...] = ("", "cpuacct", "memory")
"""The hierarchies that count: of version 2, and two of version 1."""
TICKS = os.sysconf("SC_CLK_TCK")


class Kernel:
    """The kernel's counters, as files."""

    def __init__(self, cgroups: Path = CGROUPS, proc: Path = PROC) -> None:
        """Where they are mounted."""
        self._cgroups = cgroups
        self._proc = proc

    def machine_cpu(self) -> float:
        """Seconds that the machine's processors have worked.

        Those of its own cgroup where it is a container: /proc tells of all that the host does.

        Raises:
            OSError: nothing tells it.
        """
        own = self._cpu_in(self._cgroups, self._cgroups / "cpuacct")
        if own is not None:
            return own
        words = (self._proc / "stat").read_text().splitlines()[0].split()[1:]
        user, nice, system, _idle, _wait, irq, softirq = (int(one) for one in words[:7])
        return (user + nice + system + irq + softirq) / TICKS

    def machine_memory(self) -> int:
        """Bytes that are used, without what the kernel gives back as soon as it is wanted.

        Raises:
            OSError: nothing tells it.
        """
        for folder, file, cache in (
            (self._cgroups, "memory.current", "inactive_file"),
            (self._cgroups / "memory", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            used, kept = _number(folder / file), _fields(folder / "memory.stat").get(cache, 0)
            if used is not None:
                return max(used - kept, 0)
        known = _fields(self._proc / "meminfo")
        return max(known.get("MemTotal:", 0) - known.get("MemAvailable:", 0), 0) * 1024

    def group_of(self, process: int, ending: str) -> dict[str, str]:
        """The cgroups of a process by controller, those whose name has `ending` in it.

        That of version 2 has an empty name. In version 1, a process is in the group of somebody
        else above it, or of all, for each controller that does not count it by itself.
        """
        found = dict[str, str]()
        with suppress(OSError):  # It has just ended.
            for line in (self._proc / str(process) / "cgroup").read_text().splitlines():
                _, controllers, path = line.split(":", 2)
                if ending in path.rpartition("/")[2]:
                    found.update(dict.fromkeys(controllers.split(","), path))
        return found

    def group_cpu(self, groups: Mapping[str, str]) -> float | None:
        """Seconds that the processes of cgroups have had; None where they are not counted."""
        return self._cpu_in(*self._version_one(groups, "cpuacct"), *self._version_two(groups))

    def group_memory(self, groups: Mapping[str, str]) -> int | None:
        """Bytes that the processes of cgroups have, files in memory included; None: not counted."""
        files = (
            *(one / "memory.usage_in_bytes" for one in self._version_one(groups, "memory")),
            *(one / "memory.current" for one in self._version_two(groups)),
        )
        return next((found for one in files if (found := _number(one)) is not None), None)

    def process_cpu(self, processes: Iterable[int]) -> dict[str, float]:
        """Seconds that each process has had, with those of its children that it has seen end."""
        found = dict[str, float]()
        for process in processes:
            with suppress(OSError, IndexError):  # It has just ended.
                stat = (self._proc / str(process) / "stat").read_text()
                times = stat.rpartition(")")[2].split()[11:15]
                found[f"process {process}"] = sum(map(int, times)) / TICKS
        return found

    def _version_one(self, groups: Mapping[str, str], controller: str) -> list[Path]:
        path = groups.get(controller)
        return [self._cgroups / controller / _inside(path)] if path else []

    def _version_two(self, groups: Mapping[str, str]) -> list[Path]:
        """Version 2 is the only one, or stands beside those of version 1."""
        if "" not in groups:
            return []
        inside = _inside(groups[""])
        return [self._cgroups / inside, self._cgroups / "unified" / inside]

    def _cpu_in(self, *folders: Path) -> float | None:
        for folder in folders:
            if (used := _number(folder / "cpuacct.usage")) is not None:
                return used / 1e9
            if (counted := _fields(folder / "cpu.stat").get("usage_usec")) is not None:
                return counted / 1e6
        return None


def _inside(path: str) -> str:
    return path.lstrip("/")


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None  # It is not there: of the other version, or it has just gone.


def _fields(file: Path) -> dict[str, int]:
    """The lines of a file, each a name and a number."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {one[0]: int(one[1]) for one in lines if len(one) > 1 and one[1].isdigit()}
