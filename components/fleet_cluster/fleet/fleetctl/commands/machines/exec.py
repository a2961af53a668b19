"""`fleetctl exec`."""

import sys
from argparse import REMAINDER, ArgumentParser, Namespace

from ...cli.errors import CtlError, UsageError
from ...cli.names import MACHINE_HELP
from ...operations.context import Context
from ...remote.locate import only_on, where
from ...remote.machines import Located
from ..command import Command, RunsOn

AS_ROOT = """\
trap : INT QUIT
if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n -- "$@"; fi
exit $?
"""
"""Not with exec: ssh has no exit code for a command that a signal has ended, a shell has. The
command alone decides what Ctrl-C does."""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--tty", "-t", action="store_true", help="give it this terminal, as ssh -t")
    parser.add_argument(
        "--container",
        default="",
        metavar="NAME",
        help="of a unit with several containers, or where it cannot be known: this one",
    )
    parser.add_argument(
        "--machine",
        default="",
        metavar="MACHINE",
        help=f"of a unit on several machines, this one: {MACHINE_HELP}",
    )
    parser.add_argument("unit", metavar="UNIT", help="a unit")
    parser.add_argument("words", nargs=REMAINDER, metavar="-- COMMAND", help="what is to be run")


def _run(context: Context, arguments: Namespace) -> int:
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        raise UsageError(f"there is no command to run: fleetctl exec {arguments.unit} -- COMMAND")
    if arguments.tty and not sys.stdin.isatty():
        raise UsageError("--tty: standard input is no terminal here; leave it out")
    found = _found(context, arguments)
    options = [
        *(["--tty"] if arguments.tty else []),
        *([f"--container={arguments.container}"] if arguments.container else []),
    ]
    enter = ["fleetctl", "enter", *options, "--", found.unit, "--", *words]
    command = ["sh", "-c", AS_ROOT, "fleetctl-exec", *enter]
    flags = ["-t" if arguments.tty else "-T"]
    return context.machines.run(found.machine, command, flags, takes_input=True)


def _found(context: Context, arguments: Namespace) -> Located:
    located = context.machines.locate([arguments.unit], units_only=True)
    if arguments.machine:
        located = only_on(arguments.machine, arguments.unit, located)
    if len(located) > 1:
        raise CtlError(
            f"{arguments.unit} is several units, or on several machines: {where(located)}. Name "
            "one unit, and one machine with --machine"
        )
    return located[0]


COMMAND = Command(
    name="exec",
    summary="run a command inside of a unit: its container, or its namespaces",
    help="""\
Run a command inside of a unit on its machine, over SSH: in its container (of docker or podman), as
`docker exec` does; or in the namespaces and the cgroup of its main process, as its user and with
what it finds in its environment. Its words arrive as they are. Standard input is the command's,
and the exit code is the command's, 255 where there is no connection. Options come before UNIT.""",
    example="""
  $ fleetctl exec sinatra@5000 -- ls -l /srv
  $ fleetctl exec -t --machine machine-2 nginx -- sh
  $ fleetctl exec db -- psql --quiet < migration.sql
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
