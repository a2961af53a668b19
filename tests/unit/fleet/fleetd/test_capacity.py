import os
from pathlib import Path

from fleet_cluster.fleet.fleetd.capacity import Capacity, look

HERE = len(os.sched_getaffinity(0))
GIB = 1 << 30


def found(folder: Path, files: dict[str, str]) -> Capacity:
    """What is seen in these files below /sys/fs/cgroup, on a machine of 2 GiB."""
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "meminfo").write_text("MemTotal:        2097152 kB\nMemFree: 1 kB\n")
    return look(folder, folder / "meminfo")


def test_a_machine_of_its_own_has_all_that_there_is(tmp_path: Path) -> None:
    assert found(tmp_path, {}) == Capacity(2 * GIB, HERE)


def test_a_container_has_what_its_control_group_may_have(tmp_path: Path) -> None:
    files = {"memory.max": f"{GIB}\n", "cpu.max": "50000 100000\n"}
    assert found(tmp_path, files) == Capacity(GIB, 0.5)


def test_so_it_has_in_control_groups_of_version_1(tmp_path: Path) -> None:
    files = {
        "memory/memory.limit_in_bytes": f"{GIB}\n",
        "cpu/cpu.cfs_quota_us": "50000\n",
        "cpu/cpu.cfs_period_us": "100000\n",
    }
    assert found(tmp_path, files) == Capacity(GIB, 0.5)


def test_a_container_without_limits_sees_all_of_the_computer(tmp_path: Path) -> None:
    files = {
        "memory.max": "max\n",
        "cpu.max": "max 100000\n",
        "memory/memory.limit_in_bytes": f"{2**63 - 4096}\n",
        "cpu/cpu.cfs_quota_us": "-1\n",
        "cpu/cpu.cfs_period_us": "100000\n",
    }
    assert found(tmp_path, files) == Capacity(2 * GIB, HERE)


def test_what_cannot_be_seen_is_not_told(tmp_path: Path) -> None:
    assert look(tmp_path, tmp_path / "meminfo") == Capacity(0, HERE)


def test_this_machine_has_some() -> None:
    assert look().memory > 0 and look().cpus > 0
