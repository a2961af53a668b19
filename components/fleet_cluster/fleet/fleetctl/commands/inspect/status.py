"""`fleetctl status`."""

from argparse import ArgumentParser, Namespace

from ....unitfiles.quadlets.names import service_of
from ...cli.errors import Exit
from ...operations.context import Context
from ..command import Command, RunsOn


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("units", nargs="+", metavar="UNIT", help="a unit, or a quoted pattern")


def _run(context: Context, arguments: Namespace) -> int:
    worst = int(Exit.DONE)
    for number, found in enumerate(context.machines.locate(arguments.units, units_only=True)):
        print("\n" * bool(number), end="", flush=True)
        command = ["systemctl", "status", "--no-pager", "--full", "--", service_of(found.unit)]
        worst = max(worst, context.machines.run(found.machine, command))
    return worst


COMMAND = Command(
    name="status",
    summary="what systemd says of units now, on their machines",
    help="""\
Run `systemctl status` on the machine of each unit, over SSH. The exit code is systemd's: 0 running,
3 not running.""",
    example="""
  $ fleetctl status hello.service
  ● hello.service - Says hello every second
       Loaded: loaded (/run/systemd/system/hello.service; static)
       Active: active (running) since ...
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
