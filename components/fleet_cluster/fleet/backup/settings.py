"""Settings of backups: variables of the unit's environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PREFIX = "FLEET_BACKUP_"


class BackupError(Exception):
    """A backup was not taken; the message says why, and holds no secret."""


@dataclass(frozen=True)
class Settings:
    """Where a backup goes, and how many stay there."""

    folder: Path | None
    command: str
    """What a shell runs, with the snapshot on its standard input."""
    keep: int
    calendar: str
    """When the timer starts one, as systemd writes it."""

    @property
    def destination(self) -> str:
        """In words: where the last one is."""
        return str(self.folder) if self.folder else "a command"


def read(environment: Mapping[str, str]) -> Settings:
    """Settings in an environment.

    Raises:
        BackupError: they cannot be used.
    """
    folder, command = (environment.get(PREFIX + name, "") for name in ("FOLDER", "COMMAND"))
    if bool(folder) == bool(command):
        raise BackupError(f"give one of {PREFIX}FOLDER and {PREFIX}COMMAND: where backups go")
    keep = environment.get(f"{PREFIX}KEEP", "")
    if folder and (not keep.isdecimal() or int(keep) < 1):
        raise BackupError(f"{PREFIX}KEEP is {keep!r}; it must be a number from 1")
    calendar = environment.get(f"{PREFIX}CALENDAR", "")
    return Settings(Path(folder) if folder else None, command, int(keep or 0), calendar)
