"""`fleetctl restore`."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ...cli.errors import CtlError, Exit, UsageError
from ...cli.output import tell
from ...operations.context import Context
from ...operations.machines.restore import restore, undo
from ..command import Command, RunsOn


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="a snapshot, on this computer")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--undo",
        action="store_true",
        help="take back what etcd had, after a restore that was not finished",
    )


def _run(context: Context, arguments: Namespace) -> int:
    if bool(arguments.file) == arguments.undo:
        raise UsageError("give a snapshot's FILE, or --undo")

    def confirm(text: str) -> None:
        tell(text)
        if not arguments.yes:
            _ask()

    if arguments.undo:
        undo(context.machines, confirm)
    else:
        restore(context.machines, Path(arguments.file), confirm)
    return Exit.DONE


def _ask() -> None:
    if not sys.stdin.isatty():
        raise CtlError("nobody is there to be asked: give --yes. Nothing was changed")
    tell("Go on? Type yes:")
    if sys.stdin.readline().strip() != "yes":
        raise CtlError("nothing was changed")


COMMAND = Command(
    name="restore",
    summary="bring etcd's data back from a snapshot, while units run on",
    help="""\
Bring the data of etcd back from a snapshot, as `fleetctl backup` takes it. All members of etcd are
reached over SSH, whether etcd runs or not. First the snapshot is checked and made ready beside the
data that they have; then all stop, take it, and start. What they had is kept until all are well.
If it fails in between, it says in which state each member is: run it again, or --undo. Units run
on. What is in the snapshot and has changed since is as it was then; `pulumi up` brings what the
program says back.""",
    example="""
  $ fleetctl restore fleet.db
  fleet.db: whole, 155680 bytes. Making it ready on machine-1, machine-2, machine-3.
  The snapshot has 61 keys, at revision 1288.
  etcd on machine-1, machine-2, machine-3 stops, and starts with the snapshot's data: ...
  Go on? Type yes:
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
    after_interrupt=(
        "Members of etcd may be stopped, or have the snapshot's data: run the same command again, "
        "or take back what etcd had: fleetctl restore --undo"
    ),
)
