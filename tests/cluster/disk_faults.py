"""File systems of a machine that have no room; each fault lasts as long as its block."""

from collections.abc import Generator
from contextlib import contextmanager

from tests.cluster.stack import Stack


@contextmanager
def full_run_directory(stack: Stack, machine: str) -> Generator[None]:
    """/run has no room for anything that is new."""
    fill = (
        "mount -o remount,size=$(($(df --output=used /run | tail -1) + 64))k /run;"
        " cat /dev/zero > /run/probe 2>/dev/null; true"
    )
    try:
        stack.on(machine, f"sudo sh -c '{fill}'")
        yield
    finally:
        stack.on(machine, "sudo mount -o remount,size=50% /run; sudo rm -f /run/probe")


@contextmanager
def without_room_for_images(stack: Stack, machine: str) -> Generator[None]:
    """A file system for images has no room: a small one over Podman's, which no unit has to use."""
    folder = "/var/lib/containers"
    fill = f"mount -t tmpfs -o size=16m images {folder}; head -c 15M /dev/zero > {folder}/filler"
    try:
        stack.on(machine, f"sudo sh -ec '{fill}'")
        yield
    finally:
        stack.on(machine, f"sudo umount {folder}")
