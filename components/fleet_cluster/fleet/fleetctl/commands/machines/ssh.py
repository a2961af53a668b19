"""`fleetctl ssh`."""

import sys
from argparse import REMAINDER, ArgumentParser, Namespace

from ...cli.errors import CtlError, UsageError
from ...cli.names import MACHINE_HELP
from ...operations.context import Context
from ..command import Command, RunsOn


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--forward-agent", "-A", action="store_true", help="as of ssh")
    parser.add_argument("--machine", metavar="MACHINE", help=f"a machine: {MACHINE_HELP}")
    parser.add_argument("--unit", metavar="UNIT", help="the machine of this unit")
    parser.add_argument(
        "words",
        nargs=REMAINDER,
        metavar="TARGET [COMMAND...]",
        help=f"a machine ({MACHINE_HELP}) or a unit; a command to run",
    )


def _run(context: Context, arguments: Namespace) -> int:
    words = list(arguments.words)
    named = arguments.unit or arguments.machine or (words.pop(0) if words else "")
    if not named or (arguments.unit and arguments.machine):
        raise UsageError("give one machine or unit to connect to, such as: fleetctl ssh hello")
    if words[:1] == ["--"]:
        words.pop(0)
    # The words are one line for the far shell, as with ssh itself.
    command = ["sh", "-c", " ".join(words)] if words else []
    located = context.machines.locate([named], units_only=bool(arguments.unit))
    if arguments.machine and located[0].unit:
        raise CtlError(f"{named} is a unit; for its machine: --unit {named}")
    if len(located) > 1:
        where = ", ".join(found.machine.address for found in located)
        raise CtlError(f"{named} is on several machines; name one: {where}")
    flags = ["-A"] if arguments.forward_agent else []
    if sys.stdin.isatty() and sys.stdout.isatty():
        flags.append("-t")
    return context.machines.run(located[0].machine, command, flags, takes_input=True)


COMMAND = Command(
    name="ssh",
    summary="log in to a machine, or run a command there",
    help="""\
Open a shell on a machine, or on the machine of a unit, or run a command there. The exit code is
the command's. Agent forwarding: -A before the target.""",
    example="""
  $ fleetctl ssh hello.service
  $ fleetctl ssh 3f2a91bc uptime
  $ fleetctl ssh 172.18.0.11 -- docker ps --all
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
