"""`fleetctl cat`."""

import sys
from argparse import ArgumentParser, Namespace

from ...cli.errors import CtlError, Exit
from ...cli.names import select
from ...cli.output import raw
from ...operations.context import Context
from ...state.watcher import read_state
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("units", nargs="+", metavar="UNIT", help="a unit, or a quoted pattern")


def _run(context: Context, arguments: Namespace) -> int:
    view = read_state(context.connect())
    for number, name in enumerate(select(arguments.units, view.units)):
        text = view.text_of(name)
        if text is None:
            raise CtlError(f"the file of {name} is not in etcd; submit it again with --replace")
        end = "" if text.endswith("\n") else "\n"
        print("\n" * bool(number) + text, end=end, file=raw(sys.stdout))
    return Exit.DONE


COMMAND = Command(
    name="cat",
    summary="print units' files",
    help="Print units' files as they were submitted.",
    example="""
  $ fleetctl cat hello.service
  [Unit]
  Description=Says hello every second
  ...
""",
    configure=_configure,
    run=_run,
)
