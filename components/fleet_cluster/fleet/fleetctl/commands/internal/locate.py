"""`fleetctl locate`: for fleetctl itself, which asks a machine where others are."""

import json
from argparse import ArgumentParser, Namespace

from ....model.wire import to_wire
from ...cli.errors import Exit
from ...operations.context import Context
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("names", nargs="+")
    parser.add_argument("--units", action="store_true", help="names are of units only")
    parser.add_argument("--some", action="store_true", help="units that are nowhere are told")


def _run(context: Context, arguments: Namespace) -> int:
    located = context.machines.locate(arguments.names, arguments.units, arguments.some)
    print(json.dumps([{"machine": to_wire(on.machine), "unit": on.unit} for on in located]))
    return Exit.DONE


COMMAND = Command(
    name="locate",
    summary="where units and machines are, as JSON",
    help="Print the machines of units, or machines themselves, as JSON.",
    example="""
  $ fleetctl locate hello.service
""",
    configure=_configure,
    run=_run,
    hidden=True,
)
