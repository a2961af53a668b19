"""`fleetctl journal`."""

import sys
from argparse import ArgumentParser, Namespace
from functools import partial

from ....unitfiles.quadlets.names import service_of
from ...cli.names import MACHINE_HELP
from ...cli.numbers import lines, of_option
from ...journal.entry import JSON, check_format
from ...journal.merged import MergedJournal
from ...journal.order import ALL
from ...journal.printer import Printer
from ...operations.context import Context
from ...remote.locate import only_on
from ...remote.machines import Located
from ..command import Command, RunsOn

DEFAULT_LINES = "10"


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("units", nargs="+", metavar="UNIT", help="a unit, or a quoted pattern")
    parser.add_argument(
        "--lines",
        "-n",
        type=of_option(lines),
        help=f"how many, or all (default: {DEFAULT_LINES}; all with --since or --grep)",
    )
    parser.add_argument("--follow", "-f", action="store_true", help="go on with new lines")
    parser.add_argument(
        "--since", "-S", default="", metavar="TIME", help="as of journalctl: today, --since=-1h"
    )
    parser.add_argument(
        "--grep", "-g", default="", metavar="PATTERN", help="as of journalctl: messages that match"
    )
    parser.add_argument("--output", "-o", default="", metavar="FORMAT", help="as of journalctl")
    parser.add_argument("--sudo", action="store_true", help="read the journal as root")
    parser.add_argument(
        "--machine",
        default="",
        metavar="MACHINE",
        help=f"of units on several machines, only this one: {MACHINE_HELP}",
    )


def journal_command(units: list[str], arguments: Namespace, output: str) -> list[str]:
    """The call of journalctl that the options ask for."""
    return [
        *(["sudo"] if arguments.sudo else []),
        *("journalctl", "--no-pager", *(f"--unit={service_of(unit)}" for unit in units)),
        f"--lines={_lines(arguments)}",
        *(["--follow"] if arguments.follow else []),
        *([f"--since={arguments.since}"] if arguments.since else []),
        *([f"--grep={arguments.grep}"] if arguments.grep else []),
        *([f"--output={output}"] if output else []),
        # Without it, JSON leaves out what is longer than 4 KiB.
        *(["--all"] if output == JSON else []),
    ]


def _lines(arguments: Namespace) -> str:
    selects = arguments.since or arguments.grep
    return arguments.lines or (ALL if selects else DEFAULT_LINES)


def _run(context: Context, arguments: Namespace) -> int:
    units: list[str] = arguments.units
    located = context.machines.locate(units, units_only=True, some=True)
    if arguments.machine:
        located = only_on(arguments.machine, ", ".join(units), located)
    if len(located) == 1 and arguments.output != JSON:
        return _print_one(context, arguments, located[0])
    return _print_merged(context, arguments, located)


def _print_one(context: Context, arguments: Namespace, found: Located) -> int:
    """One unit on one machine: what journalctl prints there."""
    # With a terminal at the far end, Ctrl-C ends journalctl too.
    has_terminal = arguments.follow and sys.stdin.isatty()
    flags = ["-t"] if has_terminal else []
    command = journal_command([found.unit], arguments, arguments.output)
    return context.machines.run(found.machine, command, flags, has_terminal)


def _print_merged(context: Context, arguments: Namespace, located: list[Located]) -> int:
    output = arguments.output or "short"
    check_format(output)
    command = partial(journal_command, arguments=arguments, output=JSON)
    with MergedJournal(context.machines, Printer(located, output).print) as journal:
        journal.start(located, command)
        return journal.follow() if arguments.follow else journal.print(_lines(arguments))


COMMAND = Command(
    name="journal",
    summary="units' logs, from their machines, as one",
    help="""\
Run `journalctl` for units on their machines, over SSH. Of one unit on one machine, what it prints
is printed. The lines of several, or of a unit on several machines, are merged by time, each with
its unit and machine before it; --lines counts them all (with --follow, those of each machine). A
machine that does not answer is told and not waited for. --since and --grep are journalctl's own: a
time is read on each machine, by its clock and time zone.""",
    example="""
  $ fleetctl journal hello.service
  $ fleetctl journal -f --lines 50 hello.service
  $ fleetctl journal --output cat nginx.service --machine machine-2
  $ fleetctl journal -f 'web@*' nginx
  web@1.service  machine-1 | Jan 05 10:31:07 ruby[712]: GET / 200
  nginx.service  machine-2 | Jan 05 10:31:07 docker[645]: "GET / HTTP/1.1" 200
  $ fleetctl journal --since=-1h --grep 'error|fatal' --output json 'web@*'
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
