"""Prunes images that no container uses: `python3 -m fleet.disks.prune_images`, by a timer.

Engines go by when an image was made, and never prune one that a container has, running or not.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence

from .. import config
from ..config import ConfigError
from .file_systems import RUN, FileSystem, look

SECONDS = 600.0
"""How long an engine may take."""


def commands(engines: Iterable[str], hours: int, is_short: bool) -> list[list[str]]:
    """What has each engine prune images that are older; of all ages, if there is no room (pure)."""
    age = [] if is_short else [f"--filter=until={hours}h"]
    return [[engine, "image", "prune", "--all", "--force", *age] for engine in engines]


def is_short(file_systems: Iterable[FileSystem]) -> bool:
    """Whether one is short of room that images may be on; of one with a fault nothing is known."""
    return any(one.is_short for one in file_systems if one.path != RUN and not one.fault)


def engines() -> list[str]:
    """The machine's engines. Docker's is not started for this."""
    asked = ["systemctl", "is-active", "--quiet", "docker.service"]
    has_docker = subprocess.run(asked, check=False, timeout=SECONDS).returncode == 0
    found = {"docker": has_docker, "podman": shutil.which("podman") is not None}
    return [engine for engine, is_there in found.items() if is_there]


def prune(command: Sequence[str]) -> bool:
    """Have an engine do it. Whether it did; it says itself what it has removed, or why not."""
    try:
        return subprocess.run(command, check=False, timeout=SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]}: {error}", file=sys.stderr)
        return False


def main() -> None:
    """Prune once, with the machine's configuration."""
    try:
        hours = config.read().image_retention_hours
    except ConfigError as error:
        sys.exit(f"images cannot be pruned: {error}")
    done = [prune(command) for command in commands(engines(), hours, is_short(look()))]
    sys.exit(0 if all(done) else 1)


if __name__ == "__main__":
    main()
