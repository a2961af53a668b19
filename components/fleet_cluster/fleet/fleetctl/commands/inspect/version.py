"""`fleetctl version`."""

from argparse import ArgumentParser, Namespace

from .... import VERSION
from ...cli.errors import Exit
from ...operations.context import Context
from ..command import Command, RunsOn


def _configure(parser: ArgumentParser) -> None:
    """It has no options."""


def _run(context: Context, arguments: Namespace) -> int:
    print(f"fleetctl version {VERSION}")
    return Exit.DONE


COMMAND = Command(
    name="version",
    summary="the version of this fleetctl",
    help="""\
Print the version of this fleetctl. That of the machines:
fleetctl list-machines --fields machine,version""",
    example="""
  $ fleetctl version
  fleetctl version 2.0.0
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
