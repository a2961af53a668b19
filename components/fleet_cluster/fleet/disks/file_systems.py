"""The file systems that a machine needs room on, and what each has left."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30

ETCD = "/var/lib/etcd/fleet"
DOCKER = "/var/lib/docker"
RUN = "/run"
PATHS = ("/", ETCD, DOCKER, "/var/lib/containers", RUN)
"""Of those that are on one file system, the first stands for all."""

LEAST = GIB
"""A file system has to have so many bytes left, or a tenth, whichever is less."""
LEAST_ON_RUN = 20 * MIB
"""systemd loads no unit while less than 16 MiB are free there."""
LEAST_INODES = 0.02
"""The share of its inodes that a file system has to have left, if it counts them."""


@dataclass(frozen=True)
class FileSystem:
    """A file system as it was when it was looked at."""

    path: str
    """Where it is known by."""
    size: int
    """Bytes."""
    free: int
    """Bytes for those who are not root, as etcd is not."""
    inodes: int = 0
    """How many there may be; 0 if they are not counted."""
    free_inodes: int = 0
    fault: str = ""
    """Why it could not be looked at."""

    @property
    def is_short(self) -> bool:
        """Whether it is short of room, or cannot be used."""
        return bool(self.fault) or self.free < self.least or self._is_short_of_inodes

    @property
    def least(self) -> int:
        """How many bytes it has to have left."""
        return LEAST_ON_RUN if self.path == RUN else min(self.size // 10, LEAST)

    @property
    def _is_short_of_inodes(self) -> bool:
        return self.free_inodes < self.inodes * LEAST_INODES

    def describe(self) -> str:
        """What it has left, in words."""
        if self.fault:
            return f"{self.path} cannot be looked at: {self.fault}"
        if self._is_short_of_inodes:
            return f"{self.path} has {self.free_inodes} of {self.inodes} inodes left"
        return f"{self.path} has {self.free // MIB} of {self.size // MIB} MiB left"


def look(paths: Sequence[str] = PATHS) -> list[FileSystem]:
    """Look at those that there are."""
    devices: set[int] = set()
    found: list[FileSystem] = []
    for path in paths:
        try:
            device = Path(path).stat().st_dev
            if device not in devices:
                found.append(_file_system(path))
            devices.add(device)
        except FileNotFoundError:
            continue
        except OSError as error:
            found.append(FileSystem(path, 0, 0, fault=error.strerror or repr(error)))
    return found


def _file_system(path: str) -> FileSystem:
    one = os.statvfs(path)
    block = one.f_frsize
    return FileSystem(path, one.f_blocks * block, one.f_bavail * block, one.f_files, one.f_favail)
