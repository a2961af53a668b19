"""`fleetctl list-backups`."""

import time
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from ....kv import KV
from ....model.backups import Backup
from ....model.keys import BACKUP
from ....model.record import BadRecordError
from ...cli import table
from ...cli.errors import CtlError, Exit
from ...operations.context import Context
from ..command import Command

FIELDS = ("taken", "age", "size", "name", "to", "ip", "problem")
SHOWN = ("taken", "size", "name", "to", "problem")


NONE = (
    "no backup of etcd was taken yet. Where a program has `backups`, fleetctl backup takes one now"
)


def last_backup(store: KV) -> Backup:
    """What is known of the last one.

    Raises:
        CtlError: nothing.
    """
    found = store.get([BACKUP]).entries.get(BACKUP)
    if found is None:
        raise CtlError(NONE)
    try:
        return Backup.from_json(found.value)
    except BadRecordError as error:
        raise CtlError(f"what etcd says of its last backup cannot be used: {error}") from error


def row(backup: Backup, now: float) -> table.Row:
    """A backup as a table's row."""
    taken = backup.taken_at
    return {
        "taken": f"{datetime.fromtimestamp(taken, UTC):%Y-%m-%d %H:%M:%S} UTC" if taken else None,
        "age": round(now - taken) if taken else None,
        "size": backup.size if taken else None,
        "name": backup.name,
        "to": backup.destination,
        "ip": backup.address,
        "problem": backup.warning(now),
    }


def _configure(parser: ArgumentParser) -> None:
    table.add_options(parser, FIELDS, SHOWN, "name")


def _run(context: Context, arguments: Namespace) -> int:
    rows = [row(last_backup(context.connect()), time.time())]
    print(table.render(rows, arguments, FIELDS), end="")
    return Exit.DONE


COMMAND = Command(
    name="list-backups",
    summary="the last backup of etcd's data",
    help="""\
Show the last good backup of etcd's data, and why the one after it failed, if one has. AGE is in
seconds, SIZE in bytes. etcd knows of the last one only; those before it are where they were
put.""",
    example="""
  $ fleetctl list-backups
  TAKEN                   SIZE    NAME                                    TO              PROBLEM
  2026-11-29 03:00:00 UTC 155680  fleet-6d0fd7c9-20261129T030000Z.db      /mnt/backups    -
""",
    configure=_configure,
    run=_run,
)
