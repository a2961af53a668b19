"""`fleetctl usage`: for `fleetctl top`, which asks each machine what is used there."""

from argparse import ArgumentParser, Namespace
from time import sleep

from ...cli.errors import Exit
from ...cli.output import tell
from ...operations.context import Context
from ...usage.bus import UsageBus
from ...usage.engines import Engines
from ...usage.kernel import Kernel
from ...usage.stream import Reader, stream
from ...usage.units import Units
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    del parser


def _run(context: Context, arguments: Namespace) -> int:
    del context, arguments
    kernel = Kernel()
    units = Units(UsageBus(), kernel, Engines())
    stream(Reader(units, kernel, tell), lambda line: print(line, flush=True), sleep)
    return Exit.DONE


COMMAND = Command(
    name="usage",
    summary="what this machine and its units use as JSON, every few seconds",
    help="""\
Print what this machine and its units use as an object of JSON on a line, then every few seconds
what is other than before.""",
    example="""
  $ fleetctl usage
""",
    configure=_configure,
    run=_run,
    hidden=True,
)
