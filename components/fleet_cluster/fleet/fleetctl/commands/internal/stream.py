"""`fleetctl stream`: for `fleetctl top`, which draws what a machine says of the cluster."""

from argparse import ArgumentParser, Namespace

from ...cli.errors import Exit
from ...live.stream import stream
from ...operations.context import Context
from ...state.watcher import Watcher
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    del parser


def _run(context: Context, arguments: Namespace) -> int:
    del arguments
    with Watcher(context.connect()) as watcher:
        stream(watcher, lambda line: print(line, flush=True))
    return Exit.DONE


COMMAND = Command(
    name="stream",
    summary="machines and units as JSON, then each change of them",
    help="Print the machines and units as an object of JSON on a line, then each change of them.",
    example="""
  $ fleetctl stream
""",
    configure=_configure,
    run=_run,
    hidden=True,
)
