"""cgroups: whose processes are ended, in a tree of files like the kernel's, with real processes."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet_cluster.fleet.systemd.cgroups import Cgroups

CONTAINER = "0123456789abcdef" * 4
UNIT, SLICE = "db.service", "db.slice"


class Tree:
    """A hierarchy of cgroups, with processes that wait."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cgroups = Cgroups(root)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def add(self, group: str) -> None:
        """A group with a process in it."""
        process = self.processes[group] = subprocess.Popen(["sleep", "infinity"])
        path = self.root / group
        path.mkdir(parents=True, exist_ok=True)
        # A 0 is a process that this one cannot see.
        (path / "cgroup.procs").write_text(f"0\n{process.pid}\n")

    def ended(self) -> set[str]:
        """The groups whose processes were killed; the others' end now, by another signal.

        A process ends by the first, however long the kernel takes: so nothing is waited for.
        """
        for process in self.processes.values():
            process.terminate()
        ended = {group: process.wait() for group, process in self.processes.items()}
        return {group for group, code in ended.items() if code == -signal.SIGKILL}


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    tree = Tree(tmp_path)
    yield tree
    for process in tree.processes.values():
        process.kill()
        process.wait()


def test_all_of_a_unit_ends_and_nothing_else(tree: Tree) -> None:
    theirs = {f"db.slice/{UNIT}", f"db.slice/{UNIT}/deep/er"}
    others = {
        "system.slice/other.service",
        f"db.slice/docker-{CONTAINER}.scope",
        f"user.slice/user-1000.slice/user@1000.service/app.slice/{UNIT}",
        f"docker/{CONTAINER}/system.slice/{UNIT}",
        f"system.slice/docker-{CONTAINER}.scope/system.slice/{UNIT}",
    }
    for group in sorted(theirs | others):
        tree.add(group)
    tree.cgroups.kill_unit(UNIT)
    assert tree.ended() == theirs


@pytest.mark.parametrize(
    "container",
    [
        f"db.slice/docker-{CONTAINER}.scope",
        f"db.slice/{CONTAINER}",
        # Engines that make cgroups themselves put a relative one into their own.
        f"system.slice/containerd.service/db.slice/{CONTAINER}",
        f"system.slice/docker.service/db.slice/{CONTAINER}",
        f"a.slice/a-b.slice/db.slice/{CONTAINER}",
    ],
)
def test_containers_in_a_slice_end_and_its_units_do_not(tree: Tree, container: str) -> None:
    others = {f"db.slice/{UNIT}", "db.slice/db-more.slice/b.service", f"docker/{CONTAINER}"}
    for group in (container, *others):
        tree.add(group)
    assert tree.cgroups.kill_containers(SLICE)
    assert tree.ended() == {container}


def test_where_nothing_runs_nothing_is_done(tree: Tree) -> None:
    (tree.root / "db.slice" / UNIT).mkdir(parents=True)
    (tree.root / "db.slice" / UNIT / "cgroup.procs").write_text("")
    assert not tree.cgroups.has_processes(UNIT)
    assert not tree.cgroups.has_processes("unknown.service")
    tree.cgroups.kill_unit("unknown.service")
    assert not tree.cgroups.kill_containers(SLICE)
    assert not tree.cgroups.kill_containers("unknown.slice")


def test_name_that_the_kernel_would_take_for_its_own_is_found(tree: Tree) -> None:
    tree.add("system.slice/_memory.service")
    assert tree.cgroups.has_processes("memory.service")
    tree.cgroups.kill_unit("memory.service")
    assert tree.ended() == {"system.slice/_memory.service"}


def test_kernel_does_it_at_once_where_it_can(tree: Tree) -> None:
    tree.add(f"system.slice/{UNIT}")
    switch = tree.root / "system.slice" / UNIT / "cgroup.kill"
    switch.write_text("")
    tree.cgroups.kill_unit(UNIT)
    assert switch.read_text() == "1" and tree.ended() == set()


def test_where_the_kernel_refuses_each_process_is_killed(tree: Tree) -> None:
    tree.add(f"system.slice/{UNIT}")
    # A write to it fails when the file is closed, as one of the kernel's whose group has gone.
    (tree.root / "system.slice" / UNIT / "cgroup.kill").symlink_to("/dev/full")
    tree.cgroups.kill_unit(UNIT)
    assert tree.ended() == {f"system.slice/{UNIT}"}


def test_process_that_has_gone_meanwhile_is_no_error(tree: Tree) -> None:
    tree.add(f"system.slice/{UNIT}")
    (process,) = tree.processes.values()
    process.kill()
    process.wait()
    tree.cgroups.kill_unit(UNIT)
