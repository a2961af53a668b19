"""Destinations of a backup: a folder, or the standard input of a command."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from .retention import surplus
from .settings import BackupError

LAST_LINES = 10
LAST_BYTES = 1 << 16
"""How much is kept of what a command says."""
SPARE = 1.2
"""How much more room there has to be than etcd's data take: they grow meanwhile."""


def make(folder: Path) -> None:
    """Make the folder, but none above it: where a share is not mounted, they are not there.

    Raises:
        BackupError: there is none above it.
    """
    if not folder.parent.is_dir():
        raise BackupError(
            f"{folder} is not there, nor what it is in: is the share mounted? Only the last part "
            "of the path is made"
        )
    folder.mkdir(mode=0o700, exist_ok=True)


def same_disk(one: Path, other: Path) -> bool:
    """Whether two folders are on one file system."""
    return one.stat().st_dev == other.stat().st_dev


def check_room(folder: Path, size: int) -> None:
    """See that a snapshot of this size fits.

    Raises:
        BackupError: it does not.
    """
    free, needed = shutil.disk_usage(folder).free, int(size * SPARE)
    if free < needed:
        raise BackupError(f"{folder} has {free} bytes left, and a snapshot needs {needed}")


def keep_in(folder: Path, snapshot: Path, name: str) -> None:
    """Have the snapshot, which is in the folder, be there under its name for good."""
    with snapshot.open("rb") as stream:
        os.fsync(stream.fileno())
    snapshot.rename(folder / name)
    _sync(folder)


def remove_surplus(folder: Path, cluster: str, keep: int) -> list[str]:
    """Remove this cluster's backups but for the newest; nothing else that is there. Which."""
    names = [one.name for one in folder.iterdir() if one.is_file() and not one.is_symlink()]
    gone = surplus(cluster, keep, names)
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    return gone


def hand_over(command: str, snapshot: Path, name: str, environment: Mapping[str, str]) -> None:
    """Have a command take the snapshot on its standard input.

    Raises:
        BackupError: it has failed. What it said is in the journal only: it may be a secret.
    """
    with snapshot.open("rb") as stream:
        code, said = _run(command, stream, {**environment, "FLEET_BACKUP_NAME": name})
    print("\n".join(said.decode(errors="replace").splitlines()[-LAST_LINES:]), flush=True)
    if code != 0:
        raise BackupError(
            f"the command exited with {code}; what it said: fleetctl journal fleet-backup.service"
        )


def _run(command: str, stdin: BinaryIO, environment: Mapping[str, str]) -> tuple[int, bytes]:
    """What a command exits with, and the last that it said: `tee` says all of the snapshot."""
    said = b""
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        bufsize=0,
    )
    with process:
        assert process.stdout
        try:
            while read := process.stdout.read(LAST_BYTES):
                said = (said + read)[-LAST_BYTES:]
        except BaseException:
            process.kill()
            raise
    return process.returncode, said


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
