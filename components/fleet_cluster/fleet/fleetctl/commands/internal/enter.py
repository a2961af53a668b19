"""`fleetctl enter`: for fleetctl itself, which runs commands inside of units."""

from argparse import REMAINDER, ArgumentParser, Namespace

from ....unitfiles.quadlets.names import service_of
from ...cli.errors import Exit
from ...exec.inside import become, way_in
from ...exec.processes import processes_of
from ...operations.context import Context
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--tty", action="store_true", help="it gets this terminal")
    parser.add_argument("--container", default="", metavar="NAME", help="this one of the unit's")
    parser.add_argument("unit", metavar="UNIT", help="a unit that runs on this machine")
    parser.add_argument("words", nargs=REMAINDER, metavar="-- COMMAND", help="what is to be run")


def _run(context: Context, arguments: Namespace) -> int:
    del context
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    runs = processes_of(service_of(arguments.unit))
    become(way_in(arguments.unit, runs, words, arguments.tty, arguments.container))
    return Exit.DONE


COMMAND = Command(
    name="enter",
    summary="run a command inside of a unit on this machine, as root",
    help="Become a command inside of a unit's container, or of its namespaces.",
    example="""
  $ fleetctl enter hello.service -- ps
""",
    configure=_configure,
    run=_run,
    hidden=True,
)
