"""What each engine is asked to prune."""

import subprocess
from pathlib import Path

import pytest

from fleet_cluster.fleet.disks import prune_images
from fleet_cluster.fleet.disks.file_systems import GIB, RUN, FileSystem
from fleet_cluster.fleet.disks.prune_images import commands, is_short, main

PROGRAM = """#!/bin/sh
[ "$0 $*" = "{systemctl} is-active --quiet docker.service" ] && exit {inactive}
echo "$(basename $0) $*" >> {calls}
exit {code}
"""


def test_old_ones_go_and_all_of_them_where_there_is_no_room() -> None:
    assert commands(["docker"], 72, is_short=False) == [
        ["docker", "image", "prune", "--all", "--force", "--filter=until=72h"]
    ]
    assert commands(["docker", "podman"], 72, is_short=True) == [
        ["docker", "image", "prune", "--all", "--force"],
        ["podman", "image", "prune", "--all", "--force"],
    ]
    assert commands([], 72, is_short=False) == []


def test_images_give_no_room_on_run() -> None:
    assert not is_short([FileSystem("/", 20 * GIB, 5 * GIB), FileSystem(RUN, GIB, 0)])
    assert is_short([FileSystem("/var/lib/docker", 20 * GIB, 0)])


def test_a_disk_that_cannot_be_looked_at_costs_no_image() -> None:
    """Those of before are kept for whoever goes back to them."""
    broken = FileSystem("/var/lib/etcd/fleet", 0, 0, fault="Input/output error")
    assert broken.is_short
    assert not is_short([FileSystem("/", 20 * GIB, 5 * GIB), broken])


class Machine:
    """Programs that note what they were called with, and a configuration."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        conf = folder / "fleet.conf"
        conf.write_text('{"endpoints": ["10.0.0.11:2379"], "image_retention_hours": 24}')
        monkeypatch.setattr(prune_images.config.read, "__defaults__", (conf,))
        monkeypatch.setattr(prune_images, "look", list[FileSystem])
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def has(self, *programs: str, inactive: int = 0, code: int = 0) -> None:
        """These programs; Docker runs unless `inactive`, and they end with this code."""
        for name in programs:
            path = self.folder / name
            text = PROGRAM.format(
                systemctl=self.folder / "systemctl",
                inactive=inactive,
                calls=self.calls,
                code=code,
            )
            path.write_text(text)
            path.chmod(0o755)

    def prune(self) -> int:
        with pytest.raises(SystemExit) as end:
            main()
        assert isinstance(end.value.code, int)
        return end.value.code


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_each_engine_is_asked_with_the_machines_setting(machine: Machine) -> None:
    machine.has("systemctl", "docker", "podman")
    assert machine.prune() == 0
    words = "image prune --all --force --filter=until=24h"
    assert machine.calls.read_text().splitlines() == [f"docker {words}", f"podman {words}"]


def test_a_docker_that_is_down_is_not_started_for_it(machine: Machine) -> None:
    machine.has("systemctl", "docker", inactive=3)
    assert machine.prune() == 0 and not machine.calls.exists()


def test_an_engine_that_fails_or_hangs_keeps_the_other_from_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has("systemctl", "docker", "podman", code=1)
    assert machine.prune() == 1
    assert len(machine.calls.read_text().splitlines()) == 2

    def hang(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        if command[0] == "systemctl":
            return subprocess.CompletedProcess(command, 0)
        raise subprocess.TimeoutExpired(command, 600)

    monkeypatch.setattr(prune_images.subprocess, "run", hang)
    assert machine.prune() == 1
