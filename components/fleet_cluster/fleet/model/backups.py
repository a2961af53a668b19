"""The record of backups of etcd's data."""

from dataclasses import dataclass, field
from typing import ClassVar

from .record import Record
from .wire import wire

BACKUP_TIMER = "fleet-backup.timer"
"""The unit that has backups of etcd taken."""
LATE_INTERVALS = 2
"""A backup is late when the last good one is older than so many of its intervals."""


@dataclass(frozen=True)
class Backup(Record):
    """The last good backup of etcd's data, and the failure after it, if one has failed since."""

    kind: ClassVar[str] = "backup"
    taken_at: float = field(metadata=wire("at"))
    """Seconds since 1970; 0 if there never was one."""
    name: str = ""
    size: int = 0
    """Bytes."""
    destination: str = field(default="", metadata=wire("to"))
    """In words."""
    address: str = ""
    """Of the machine that took it."""
    interval: float = field(default=0.0, metadata=wire("every"))
    """The most seconds until the next one is due; 0 if that is not known."""
    on_own_disk: bool = field(default=False, metadata=wire("own_disk"))
    """Whether it is in a folder on the disk of the machine that took it."""
    failed_at: float = 0.0
    """When the last one failed; 0 if it did not."""
    failure: str = ""
    """Why, in words."""

    def warning(self, now: float) -> str:
        """What is to be looked at: it has failed since, or is late; empty if nothing is."""
        if not self.taken_at and not self.failure:
            return "etcd was never backed up; fleetctl backup does it now"
        if self.failure:
            return f"the last backup of etcd failed: {self.failure}"
        age = now - self.taken_at
        if self.interval and age > LATE_INTERVALS * self.interval:
            due = f"is to be every {self.interval:.0f} s"
            return f"etcd was last backed up {age:.0f} s ago, and {due}"
        if self.on_own_disk:
            return (
                f"the last backup of etcd is in {self.destination} on the own disk of "
                f"{self.address}, and lost with that machine: is the share mounted there?"
            )
        return ""
