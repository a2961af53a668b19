"""`fleetctl cordon`."""

from argparse import ArgumentParser, Namespace

from ...cli.errors import Exit
from ...cli.names import MACHINE_HELP, legend
from ...operations.context import Context
from ...operations.machines.eligibility import (
    cordoned,
    find_machine,
    machine_state,
    set_eligibility,
)
from ...state.watcher import Watcher
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("machine", metavar="MACHINE", help=MACHINE_HELP)


def _run(context: Context, arguments: Namespace) -> int:
    with Watcher(context.connect()) as watcher:
        machine = find_machine(arguments.machine, watcher.state)
        set_eligibility(watcher, machine, cordoned)
        view = watcher.state
        print(f"{legend(machine, view.machines)} is {machine_state(machine, view)}")
    return Exit.DONE


COMMAND = Command(
    name="cordon",
    summary="give a machine no new units",
    help="""\
Keep new units off a machine until `uncordon`. What it runs, it keeps. Global units do not mind:
they come to it too. The mark stays when the machine is away or boots anew.""",
    example="""
  $ fleetctl cordon machine-2
  9d04e6a1.../172.18.0.12 is cordoned
""",
    configure=_configure,
    run=_run,
)
