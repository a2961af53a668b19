"""The machine's capacity: memory and processors, as far as its own control group lets it have them.

A container that is a machine sees the memory of all of the host, which others use as well: what
limits it is its control group, whose files are where the machine sees the root of all groups.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class Capacity:
    """What there is; 0 where that is not known."""

    memory: int
    """Bytes."""
    cpus: float


def look(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> Capacity:
    """The capacity of this machine."""
    memory = [limit for limit in _memory_limits(cgroup, meminfo) if limit > 0]
    cpus = min([len(os.sched_getaffinity(0)), *_cpu_limits(cgroup)])
    return Capacity(min(memory, default=0), round(float(cpus), 3))


def _memory_limits(cgroup: Path, meminfo: Path) -> list[int]:
    """Limits in bytes: the second is of the control groups of before, version 1."""
    limits = [_first(cgroup / "memory.max"), _first(cgroup / "memory/memory.limit_in_bytes")]
    with suppress(OSError, StopIteration):
        line = next(one for one in meminfo.read_text().splitlines() if one.startswith("MemTotal:"))
        limits.append(int(line.split()[1]) * 1024)
    return limits


def _cpu_limits(cgroup: Path) -> list[float]:
    """Limits in processors: a quota of time, by the period that it is for."""
    with suppress(OSError):
        quota, period = (cgroup / "cpu.max").read_text().split()
        return [int(quota) / int(period)] if quota.isdigit() else []
    quota, period = (_first(cgroup / f"cpu/cpu.cfs_{one}_us") for one in ("quota", "period"))
    return [quota / period] if quota > 0 and period > 0 else []


def _first(file: Path) -> int:
    """The number in a file; 0 where there is none ("max")."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0
