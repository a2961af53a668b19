"""The kernel's counters, with cgroups of version 1, 2 and both."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.usage.kernel import TICKS, Kernel
from tests.unit.fleet.fleetctl.usage.machine_files import ID, write

PROC = {
    "stat": f"cpu  {TICKS} {TICKS} {TICKS} 999999 888888 {TICKS} {TICKS} 77 0 0\ncpu0 1 2 3\n",
    "meminfo": "MemTotal:       4000 kB\nMemFree:        100 kB\nMemAvailable:   1000 kB\n",
    "42/cgroup": f"12:memory:/docker/{ID}\n4:cpu,cpuacct:/docker/{ID}\n3:pids:/\n"
    f"1:name=systemd:/x.service\n0::/system.slice/docker-{ID}.scope\n",
    "7/stat": f"7 (a) b) c) S 1 7 7 0 -1 4194304 100 0 0 0 {2 * TICKS} {TICKS} {TICKS} 0 20 0 1\n",
}
CONTAINER_OF_VERSION_2 = {
    "cpu.stat": "usage_usec 1500000\nuser_usec 1\n",
    "memory.current": "1000\n",
    "memory.stat": "anon 1\ninactive_file 300\n",
}
CONTAINER_OF_VERSION_1 = {
    "cpuacct/cpuacct.usage": "1500000000\n",
    "memory/memory.usage_in_bytes": "1000\n",
    "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 300\n",
}
HOST_OF_VERSION_2 = {"memory.stat": "inactive_file 300\n"}
"""Its own group is that of all: it has no figure of its memory."""


@pytest.mark.parametrize(
    ("files", "cpu", "memory"),
    [
        (CONTAINER_OF_VERSION_2, 1.5, 700),
        (CONTAINER_OF_VERSION_1, 1.5, 700),
        (HOST_OF_VERSION_2, 5.0, 3000 * 1024),
        ({}, 5.0, 3000 * 1024),
    ],
)
def test_a_machine(tmp_path: Path, files: Mapping[str, str], cpu: float, memory: int) -> None:
    write(tmp_path / "cgroup", files)
    write(tmp_path / "proc", PROC)
    kernel = Kernel(tmp_path / "cgroup", tmp_path / "proc")
    assert (kernel.machine_cpu(), kernel.machine_memory()) == (cpu, memory)


UNIT = {"": "/system.slice/a.service", "cpuacct": "/system.slice/a.service"}
OF_VERSION_2 = {"system.slice/a.service/cpu.stat": "usage_usec 2500000\n"}
IN_BOTH = {"unified/system.slice/a.service/cpu.stat": "usage_usec 2500000\n"}
OF_VERSION_1 = {"cpuacct/system.slice/a.service/cpuacct.usage": "2500000000\n"}


@pytest.mark.parametrize("files", [OF_VERSION_2, IN_BOTH, OF_VERSION_1])
def test_a_group(tmp_path: Path, files: Mapping[str, str]) -> None:
    write(tmp_path, files)
    assert Kernel(tmp_path).group_cpu(UNIT) == 2.5
    assert Kernel(tmp_path).group_memory(UNIT) is None


def test_memory_of_a_group(tmp_path: Path) -> None:
    write(tmp_path, {"memory/x/memory.usage_in_bytes": "70", "y/memory.current": "80"})
    kernel = Kernel(tmp_path)
    assert kernel.group_memory({"memory": "/x", "": "/y"}) == 70
    assert kernel.group_memory({"memory": "/gone", "": "/y"}) == 80
    assert kernel.group_memory({"": "/gone"}) is None


def test_a_group_that_nobody_counts_is_not_taken_for_that_of_all(tmp_path: Path) -> None:
    write(tmp_path, {"cpuacct/cpuacct.usage": "9", "42/cgroup": "4:cpu,cpuacct:/\n0::/\n"})
    kernel = Kernel(tmp_path, tmp_path)
    assert kernel.group_of(42, ID) == {}
    assert kernel.group_cpu({}) is None


def test_the_groups_of_a_container_are_those_that_are_called_by_its_id(tmp_path: Path) -> None:
    write(tmp_path, PROC)
    assert Kernel(tmp_path, tmp_path).group_of(42, ID) == {
        "memory": f"/docker/{ID}",
        "cpu": f"/docker/{ID}",
        "cpuacct": f"/docker/{ID}",
        "": f"/system.slice/docker-{ID}.scope",
    }
    assert Kernel(tmp_path, tmp_path).group_of(43, ID) == {}, "it has ended"


def test_processes_by_their_times_whatever_they_are_called(tmp_path: Path) -> None:
    write(tmp_path, PROC)
    assert Kernel(tmp_path, tmp_path).process_cpu([7, 8]) == {"process 7": 4.0}
