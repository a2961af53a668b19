"""`fleetctl uncordon`."""

from argparse import ArgumentParser, Namespace

from ...cli.errors import Exit
from ...cli.names import MACHINE_HELP, legend
from ...operations.context import Context
from ...operations.machines.eligibility import find_machine, set_eligibility
from ...state.watcher import Watcher
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("machine", metavar="MACHINE", help=MACHINE_HELP)


def _run(context: Context, arguments: Namespace) -> int:
    with Watcher(context.connect()) as watcher:
        machine = find_machine(arguments.machine, watcher.state)
        set_eligibility(watcher, machine, lambda _: None)
        print(f"{legend(machine, watcher.state.machines)} gets units again")
    return Exit.DONE


COMMAND = Command(
    name="uncordon",
    summary="let a machine get units again, after cordon or drain",
    help="""\
Let a machine get units again. Global units come back to it at once, others when they are next
placed. A drain that is under way ends: what has not left stays.""",
    example="""
  $ fleetctl uncordon machine-2
  9d04e6a1.../172.18.0.12 gets units again
""",
    configure=_configure,
    run=_run,
)
