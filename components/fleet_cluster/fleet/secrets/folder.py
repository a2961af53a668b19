"""The folder of credentials: what the units of this machine were given, sealed to its key.

It lies beside the unit files, in memory: `UNIT/CREDENTIAL`, with the unit's name as systemd asks. A
unit that is not assigned to this machine has no folder there, and one that is has no file but for
what its own file names. So units get their secrets also while etcd, or fleetd, is away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

FOLDER = Path("/run/fleet/sealed")


class CredentialFolder(Protocol):
    """Credentials of units, sealed."""

    def write(self, unit: str, sealed: Mapping[str, str]) -> None:
        """Give a unit these, by name, and no others.

        Raises:
            OSError: it cannot be written.
        """
        ...

    def remove(self, unit: str) -> None:
        """Take all from a unit.

        Raises:
            OSError: it cannot be removed.
        """
        ...

    def read(self, unit: str, name: str) -> str | None:
        """One of a unit's; None where it has none of that name."""
        ...


@dataclass(frozen=True)
class DiskFolder:
    """A `CredentialFolder` on disk, for root alone."""

    path: Path = FOLDER

    def write(self, unit: str, sealed: Mapping[str, str]) -> None:
        """See `CredentialFolder.write`."""
        if not sealed:
            self.remove(unit)
            return
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self.path / unit
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, text in sealed.items():
            draft = folder / f".{name}"
            draft.write_text(text)
            draft.replace(folder / name)
        for file in folder.iterdir():
            if file.name not in sealed:
                file.unlink()

    def remove(self, unit: str) -> None:
        """See `CredentialFolder.remove`."""
        folder = self.path / unit
        if folder.exists():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    def read(self, unit: str, name: str) -> str | None:
        """See `CredentialFolder.read`."""
        file = self.path / unit / name
        return file.read_text() if file.is_file() else None


@dataclass(frozen=True)
class MemoryFolder:
    """A `CredentialFolder` in memory, for a fleetd without a machine."""

    units: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def write(self, unit: str, sealed: Mapping[str, str]) -> None:
        """See `CredentialFolder.write`."""
        self.remove(unit)
        if sealed:
            self.units[unit] = dict(sealed)

    def remove(self, unit: str) -> None:
        """See `CredentialFolder.remove`."""
        self.units.pop(unit, None)

    def read(self, unit: str, name: str) -> str | None:
        """See `CredentialFolder.read`."""
        return self.units.get(unit, {}).get(name)
