"""`fleetctl run`."""

import os
import secrets
from argparse import REMAINDER, ArgumentParser, Namespace

from ...cli.errors import UsageError
from ...cli.names import MACHINE_HELP, name_of
from ...operations.context import Context
from ...transient.run import Run
from ...transient.unit_file import TransientUnit
from ..command import Command, RunsOn


def _configure(parser: ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--on", default="", metavar="MACHINE", help=f"there: {MACHINE_HELP}")
    where.add_argument("--all", action="store_true", help="on every machine that fits")
    parser.add_argument("--detach", action="store_true", help="do not wait for its end")
    parser.add_argument("--unit", "-u", default="", metavar="NAME", help="instead of run-ID")
    parser.add_argument(
        "--property",
        "-p",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a line of its unit file, also of [X-Fleet]; more than once",
    )
    parser.add_argument(
        "--setenv",
        "-E",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="an environment variable; everyone on the machines can read it: no secrets",
    )
    parser.add_argument("--uid", default="", metavar="USER", help="run it as this user, not root")
    parser.add_argument("--working-directory", default="", metavar="PATH", help="default: /")
    parser.add_argument("--description", default="", metavar="TEXT", help="default: the command")
    parser.add_argument("words", nargs=REMAINDER, metavar="-- COMMAND", help="what is to be run")


def _run(context: Context, arguments: Namespace) -> int:
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    id = secrets.token_hex(4)
    name = _name(arguments.unit) if arguments.unit else f"run-{id}.service"
    unit = TransientUnit(
        name=name,
        identifier=f"run-{id}",
        words=words,
        properties=arguments.property,
        environment=[_variable(given) for given in arguments.setenv],
        user=arguments.uid,
        working_directory=arguments.working_directory,
        description=arguments.description,
        on_all=arguments.all,
    )
    return Run(context.machines, unit, id, arguments.on).run(arguments.detach)


def _name(given: str) -> str:
    name = name_of(given)
    if not name.endswith(".service") or "@" in name:
        raise UsageError(f"--unit is {given!r}; a run is a service that is no instance: NAME")
    return name


def _variable(given: str) -> str:
    """A variable with its value; without one, it has that which it has here."""
    if "=" in given:
        return given
    if given not in os.environ:
        raise UsageError(f"--setenv {given}: there is no such variable here; give NAME=VALUE")
    return f"{given}={os.environ[given]}"


COMMAND = Command(
    name="run",
    summary="run a command once, on a machine that fits, and show its output",
    help="""\
Run a command as a transient unit: a service that is placed like any other, runs once, and goes
when the command has ended. Its output comes from the journal of its machine; the exit code is the
command's, 128+N if signal N has ended it, the highest with --all. It reads nothing from standard
input. What fits nowhere is refused at once, with the reason for each machine.

Ctrl-C stops it. A connection or a terminal that is lost does not, nor does --detach: then
`fleetctl runs UNIT` tells how it ended, `fleetctl journal UNIT` what it said, and `fleetctl
destroy UNIT` ends it. It is run once: where its machine is lost, it is lost.""",
    example="""
  $ fleetctl run -- /usr/bin/docker run --rm shop:1.2 migrate
  $ fleetctl run --all -- df -h /
  $ fleetctl run --on machine-2 --uid core --setenv MODE=fast -- sh -c 'echo "$MODE on $(hostname)"'
  $ fleetctl run --detach -p MemoryMax=1G -p MachineMetadata=disk=ssd -- /opt/reindex --everything
  run-5f2c11ab.service runs on 3f2a91bc.../172.18.0.11
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
