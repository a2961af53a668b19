"""Which file systems a machine looks at, and when one is short of room."""

import errno
from pathlib import Path
from typing import NamedTuple

import pytest

from fleet_cluster.fleet.disks import file_systems
from fleet_cluster.fleet.disks.file_systems import GIB, MIB, RUN, FileSystem, look


class Statvfs(NamedTuple):
    f_frsize: int
    f_blocks: int
    f_bavail: int
    f_files: int
    f_favail: int


@pytest.mark.parametrize(
    ("size", "free", "is_short"),
    [
        (20 * GIB, GIB, False),
        (20 * GIB, GIB - 1, True),
        (4 * GIB, GIB // 2, False),
        (4 * GIB, 4 * GIB // 10 - 1, True),
    ],
)
def test_a_tenth_has_to_be_left_or_a_gibibyte(size: int, free: int, is_short: bool) -> None:
    assert FileSystem("/", size, free).is_short is is_short


def test_run_has_to_have_what_systemd_wants() -> None:
    assert not FileSystem(RUN, 100 * MIB, 20 * MIB).is_short
    short = FileSystem(RUN, 8 * GIB, 19 * MIB)
    assert short.is_short and short.describe() == "/run has 19 of 8192 MiB left"


def test_files_have_to_have_room_as_well() -> None:
    short = FileSystem("/", GIB, GIB, inodes=1000, free_inodes=19)
    assert short.is_short and short.describe() == "/ has 19 of 1000 inodes left"
    assert not FileSystem("/", GIB, GIB, inodes=1000, free_inodes=20).is_short


def test_each_is_looked_at_once_and_those_that_are_not_there_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "etcd").mkdir()
    paths = [str(tmp_path), str(tmp_path / "etcd"), str(tmp_path / "docker"), "/proc"]
    first, other = look(paths)
    assert (first.path, other.path) == (str(tmp_path), "/proc")
    assert 0 < first.free <= first.size


def test_what_is_not_for_root_alone_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def statvfs(_path: str) -> Statvfs:
        return Statvfs(4096, 1000, 300, 50, 40)

    monkeypatch.setattr(file_systems.os, "statvfs", statvfs)
    assert look(["/"]) == [FileSystem("/", 4096000, 1228800, 50, 40)]


def test_one_that_cannot_be_looked_at_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(file_systems.os, "statvfs", fail)
    (one,) = look(["/"])
    assert one.is_short and one.describe() == "/ cannot be looked at: Input/output error"
