"""`fleetctl journal`."""

import sys
from argparse import ArgumentParser, Namespace

from ...cli.errors import CtlError, Exit
from ...cli.names import MACHINE_HELP, legend, machine_meant
from ...cli.numbers import lines, of_option
from ...operations.context import Context
from ...remote.machines import Located
from ..command import Command, RunsOn


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("unit", metavar="UNIT", help="a unit")
    parser.add_argument(
        "--lines", "-n", type=of_option(lines), default="10", help="how many, or all (default: 10)"
    )
    parser.add_argument("--follow", "-f", action="store_true", help="go on with new lines")
    parser.add_argument("--output", "-o", default="", metavar="FORMAT", help="as of journalctl")
    parser.add_argument("--sudo", action="store_true", help="read the journal as root")
    parser.add_argument(
        "--machine",
        default="",
        metavar="MACHINE",
        help=f"of a unit on several machines, only this one: {MACHINE_HELP}",
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
    located = context.machines.locate([arguments.unit], units_only=True)
    if arguments.machine:
        located = _only_on(arguments.machine, arguments.unit, located)
    _refuse_ambiguity(located, arguments)
    # With a terminal at the far end, Ctrl-C ends journalctl too.
    has_terminal = arguments.follow and sys.stdin.isatty()
    flags = ["-t"] if has_terminal else []
    code = int(Exit.DONE)
    for found in located:
        if len(located) > 1:
            print(f"== {found.unit} on {_legend(found)}", flush=True)
        command = journal_command(found.unit, arguments)
        code = max(code, context.machines.run(found.machine, command, flags, has_terminal))
    return code


def _only_on(given: str, unit: str, located: list[Located]) -> list[Located]:
    machine = machine_meant(given, {found.machine.id: found.machine for found in located})
    if not machine:
        where = ", ".join(f"{_legend(found)} ({found.machine.hostname})" for found in located)
        raise CtlError(f"{unit} is not on a machine {given!r}; it is on: {where}")
    return [found for found in located if found.machine.id == machine]


def _refuse_ambiguity(located: list[Located], arguments: Namespace) -> None:
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
  $ fleetctl journal --output cat nginx.service --machine machine-2
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
