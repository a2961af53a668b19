"""`fleetctl journal`."""

import sys
from argparse import ArgumentParser, Namespace

from ..command import Command, Context, Located, Place
from ..errors import CtlError, Exit
from ..names import legend
from ..numbers import lines, of_option


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("unit", metavar="UNIT", help="a unit")
    parser.add_argument(
        "--lines", "-n", type=of_option(lines), default="10", help="how many, or all (default: 10)"
    )
    parser.add_argument("--follow", "-f", action="store_true", help="go on with new lines")
    parser.add_argument("--output", "-o", default="", metavar="FORMAT", help="as of journalctl")
    parser.add_argument("--sudo", action="store_true", help="read the journal as root")
    parser.add_argument(
        "--machine", default="", metavar="ID", help="of a unit on several machines, only this one"
    )


def journal_command(unit: str, arguments: Namespace) -> list[str]:
    """The call of journalctl that the options ask for."""
    return [
        *(["sudo"] if arguments.sudo else []),
        *("journalctl", "--no-pager", f"--unit={unit}", f"--lines={arguments.lines}"),
        *(["--follow"] if arguments.follow else []),
        *([f"--output={arguments.output}"] if arguments.output else []),
    ]


def _run(context: Context, arguments: Namespace) -> int:
    located = [
        found
        for found in context.machines.locate([arguments.unit], units_only=True)
        if found.machine.id.startswith(arguments.machine.removesuffix("..."))
    ]
    _refuse_ambiguity(located, arguments)
    # With a terminal at the far end, Ctrl-C ends journalctl too.
    flags = ["-t"] if arguments.follow and sys.stdin.isatty() else []
    code = int(Exit.DONE)
    for found in located:
        if len(located) > 1:
            print(f"== {found.unit} on {_legend(found)}", flush=True)
        command = journal_command(found.unit, arguments)
        code = max(code, context.machines.run(found.machine, command, flags))
    return code


def _refuse_ambiguity(located: list[Located], arguments: Namespace) -> None:
    if not located:
        raise CtlError(f"{arguments.unit} is not on machine {arguments.machine}")
    if arguments.follow and len(located) > 1:
        where = ", ".join(_legend(found) for found in located)
        raise CtlError(f"follow one at a time, with --machine; {arguments.unit} is on: {where}")


def _legend(found: Located) -> str:
    return legend(found.machine.id, {found.machine.id: found.machine})


COMMAND = Command(
    name="journal",
    summary="a unit's log, from its machine",
    help="Run `journalctl` for a unit on its machine, over SSH.",
    example="""
  $ fleetctl journal hello.service
  $ fleetctl journal -f --lines 50 hello.service
  $ fleetctl journal --output cat nginx.service --machine 3f2a91bc
""",
    configure=_configure,
    run=_run,
    place=Place.HERE,
)
