"""The machine's boot: which one it is, and whether the operating system asks for another."""

import os
from pathlib import Path

REQUIRED = Path("/run/reboot-required")
"""Debian's tools, and others', make it when an update is in use after a reboot only."""
BOOT_ID, INIT = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/1/stat")


def boot(boot_id: Path = BOOT_ID, init: Path = INIT) -> str:
    """Another text after each boot; a container's kernel goes on, and its init starts anew.

    Raises:
        OSError: /proc does not tell.
    """
    # The name, in parentheses, may have spaces; the start time is the 20th field after it.
    started = init.read_text().rpartition(")")[2].split()[19]
    return f"{boot_id.read_text().strip()}.{started}"


def is_reboot_required(file: Path = REQUIRED) -> bool:
    """Whether the operating system asks for a reboot."""
    return os.path.lexists(file)
