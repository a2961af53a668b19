"""Versions of fleet's software on this machine, beside each other, and which of them runs."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..shell import run

FOLDER = Path("/opt/fleet")


class Versions:
    """Folders below one, each of a version, and two links to them.

    `current` is what the set-up has brought, and what `fleetctl` and the set-up run. `running` is
    what fleetd and the fence run: it follows when its turn has come.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    @property
    def current(self) -> str:
        """The name of the folder that the set-up has brought last; empty if there is none."""
        return self._target("current")

    @property
    def running(self) -> str:
        """The name of the folder that fleetd runs; empty if it has never run."""
        return self._target("running")

    @contextmanager
    def alone(self) -> Generator[None]:
        """While it lasts, no other set-up changes which versions there are.

        One that Pulumi has given up goes on, and may not have ended when the next one comes.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def bring(self, name: str) -> None:
        """Make a folder the current one, `alone`. What runs goes on to run."""
        if self.current and not self.running:
            self.run(self.current)  # It was set up when there was only the one link.
        self._link("current", name)
        self._remove_others()

    def run(self, name: str) -> None:
        """Make a folder the one that fleetd runs, from its next start on."""
        self._link("running", name)

    def conf(self, name: str) -> Path:
        """The fleet.conf that a version runs with: one of before may not know what a newer has."""
        return self.folder / name / "fleet.conf"

    def tidy(self) -> None:
        """Remove all folders that are neither current nor run."""
        with self.alone():
            self._remove_others()

    def _remove_others(self) -> None:
        kept = {"current", "running", self.current, self.running}
        for other in self.folder.iterdir():
            if other.name not in kept:
                run("rm", "-rf", str(other))

    def _target(self, link: str) -> str:
        path = self.folder / link
        return path.readlink().name if path.is_symlink() else ""

    def _link(self, link: str, name: str) -> None:
        """At once: it is there at any time."""
        new = self.folder / f".{link}"
        new.unlink(missing_ok=True)
        new.symlink_to(name)
        new.rename(self.folder / link)
