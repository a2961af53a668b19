"""Backups of etcd's data: a timer and a service, which fleet places on one of etcd's members."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi

from ..access import Access
from ..arguments.metadata import marked
from ..errors import InputError, between
from ..units import FleetUnit

UNITS = Path(__file__).with_name("units")
CALENDAR = "daily"
KEEP = 7
MOST_KEPT = 1000
MEMBER: Mapping[str, str] = {"etcd": "member"}
"""Metadata of etcd's members where backups are taken: only they have the key for it."""


class BackupArgs(TypedDict):
    """Where backups of etcd's data go, and when they are taken."""

    folder: NotRequired[str]
    """A folder on etcd's machines, which has the same content on all of them: a share that is
    mounted there. Either this or `command`."""
    command: NotRequired[str]
    """What a shell runs as root on one of etcd's machines, with the snapshot on its standard input
    and a name for it in FLEET_BACKUP_NAME; no secrets, since anyone on a machine can read it."""
    calendar: NotRequired[str]
    """When: as OnCalendar= of systemd has it; daily if not given."""
    keep: NotRequired[int]
    """How many stay in the folder, the newest, 1 to 1000; 7 if not given. Only with `folder`."""


@dataclass(frozen=True)
class Backups:
    """What was chosen, or is so if nothing was."""

    folder: str
    command: str
    calendar: str
    keep: int

    def values(self) -> dict[str, str]:
        """What the service's placeholders stand for."""
        texts = {"folder": self.folder, "command": self.command, "calendar": self.calendar}
        return {**{name: quoted(text) for name, text in texts.items()}, "keep": str(self.keep)}


def quoted(text: str) -> str:
    """A text between the quotes of Environment=, where systemd reads it as it was."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def check_backups(given: BackupArgs | None) -> Backups | None:
    """What was chosen; none if no backups are to be taken.

    Raises:
        InputError: it is not allowed.
    """
    if given is None:
        return None
    folder, command = given.get("folder", ""), given.get("command", "")
    if bool(folder) == bool(command):
        raise InputError("backups", "give one of folder and command: where backups go")
    if folder and not folder.startswith("/"):
        raise InputError("backups.folder", f"{folder!r} is not allowed; allowed: a full path")
    if command and "keep" in given:
        raise InputError("backups.keep", "it is for a folder; a command keeps what it likes")
    for name, text in given.items():
        if isinstance(text, str) and not text.isprintable():
            raise InputError(f"backups.{name}", f"{text!r} is not allowed; allowed: one line")
    keep = between("backups.keep", given.get("keep", KEEP), 1, MOST_KEPT)
    return Backups(folder, command, given.get("calendar", CALENDAR), keep)


def with_members_marked(
    metadata: Sequence[Mapping[str, str]], members: int
) -> list[Mapping[str, str]]:
    """Metadata of machines, those of etcd's members with what the units ask for.

    Raises:
        InputError: it is there already.
    """
    return marked(metadata, MEMBER, range(members), "where backups are taken")


def take_backups(parent: pulumi.Resource, cluster: Access, backups: Backups) -> None:
    """Have fleet place the service, and the timer where that is."""
    service = FleetUnit(
        "fleet-backup-service",
        {
            "cluster": cluster,
            "file": str(UNITS / "fleet-backup.service"),
            "values": backups.values(),
            "target": "loaded",
        },
        pulumi.ResourceOptions(parent=parent),
    )
    FleetUnit(
        "fleet-backup-timer",
        {
            "cluster": cluster,
            "file": str(UNITS / "fleet-backup.timer"),
            "values": {"calendar": backups.calendar},
        },
        pulumi.ResourceOptions(parent=parent, depends_on=service),
    )
