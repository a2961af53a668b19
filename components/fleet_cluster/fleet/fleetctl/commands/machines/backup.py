"""`fleetctl backup`."""

from argparse import ArgumentParser, Namespace

from ...cli.errors import CtlError
from ...operations.context import Context
from ...remote.machines import Machines
from ..command import Command, RunsOn

SERVICE = "fleet-backup.service"


def _configure(parser: ArgumentParser) -> None:
    del parser


def _take(machines: Machines) -> int:
    """Have the service take one on the machine where it is: the exit code of that.

    Raises:
        CtlError: no machine has the service.
    """
    try:
        [found, *_] = machines.locate([SERVICE], units_only=True)
    except CtlError as error:
        raise CtlError(
            f"{error}\nBackups are taken where a program's cluster has `backups`, by {SERVICE}"
        ) from error
    # What it says is of this run: systemd knows the run's journal by its invocation.
    script = (
        f"sudo systemctl start {SERVICE}; code=$?; sudo journalctl --no-pager --output=cat "
        f'_SYSTEMD_INVOCATION_ID="$(systemctl show --property=InvocationID --value {SERVICE})"; '
        "exit $code"
    )
    return machines.run(found.machine, ["sh", "-c", script])


def _run(context: Context, arguments: Namespace) -> int:
    del arguments
    return _take(context.machines)


COMMAND = Command(
    name="backup",
    summary="take a backup of etcd's data now",
    help="""\
Have fleet-backup.service take a backup of etcd's data now, as its timer does: on the machine where
it is, checked, to where the program's `backups` says. The exit code is systemd's: 0 if it is there.
What is known of the last one: list-backups.""",
    example="""
  $ fleetctl backup
  fleet-6d0fd7c9-20261129T030000Z.db: 155680 bytes, checked, in /mnt/backups
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
