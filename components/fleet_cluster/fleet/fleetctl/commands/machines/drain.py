"""`fleetctl drain`."""

from argparse import ArgumentParser, Namespace

from ...cli.errors import CtlError, Exit
from ...cli.names import MACHINE_HELP, legend
from ...cli.wait_options import add_timeout, timeout_of
from ...operations.context import Context
from ...operations.machines.drain import drain
from ...operations.machines.eligibility import (
    drained,
    find_machine,
    find_removed_machine,
    set_eligibility,
)
from ...operations.report import report
from ...state.watcher import Watcher
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("machine", metavar="MACHINE", help=MACHINE_HELP)
    parser.add_argument(
        "--force", action="store_true", help="stop also what can run on no other machine"
    )
    parser.add_argument(
        "--for-good",
        action="store_true",
        help="the machine is removed afterwards: keep nothing for it once it is gone",
    )
    add_timeout(parser, "wait at most so long, then exit 3, and the drain goes on")


def _run(context: Context, arguments: Namespace) -> int:
    with Watcher(context.connect()) as watcher:
        force, leaving = arguments.force, arguments.for_good
        find = find_removed_machine if leaving else find_machine
        machine = find(arguments.machine, watcher.state)
        if machine not in watcher.state.machines and not leaving:
            raise CtlError(
                f"{legend(machine, watcher.state.machines)}: a lost machine cannot be drained; its "
                "units run elsewhere when its lease has ended. To keep new ones off it: "
                "fleetctl cordon"
            )
        set_eligibility(watcher, machine, lambda before: drained(before, force, leaving))
        if machine not in watcher.state.machines:
            print(f"{legend(machine, watcher.state.machines)}: nothing is kept for it any more")
            return Exit.DONE
        timeout = timeout_of(arguments)
        code = report(context, watcher, lambda: drain(watcher, machine, timeout))
        if code is Exit.DONE:
            print(f"{legend(machine, watcher.state.machines)} is drained")
        return code


COMMAND = Command(
    name="drain",
    summary="move a machine's units to other machines",
    help="""\
Move all units off a machine, and wait until it is empty; it gets no units until `uncordon`. A unit
with StartFirst=true is started on its new machine before it is stopped on the old one; others are
stopped first, of each template one at a time. Global units are stopped last. What fits on no other
machine, or does not come up there, keeps running, and the exit code is 1.""",
    example="""
  $ fleetctl drain machine-2
  sinatra@5000.service moved from 9d04e6a1.../172.18.0.12 to 3f2a91bc.../172.18.0.11
  nginx.service has left 9d04e6a1.../172.18.0.12
  9d04e6a1.../172.18.0.12 is drained
""",
    configure=_configure,
    run=_run,
    after_interrupt=(
        "The drain goes on by itself. To look: fleetctl list-machines. To wait for it: the same "
        "command. To end it: fleetctl uncordon {machine}"
    ),
)
