"""`fleetctl reboot`."""

import secrets
from argparse import SUPPRESS, ArgumentParser, Namespace

from ....model.reboots import REBOOT_SECONDS
from ...cli.errors import Exit, UsageError
from ...cli.names import MACHINE_HELP
from ...cli.numbers import of_option, seconds
from ...cli.output import tell
from ...operations.context import Context
from ...operations.machines.reboot import (
    ask,
    begun_as,
    follow,
    how_to_go_on,
    machines_meant,
    unlock,
)
from ...operations.report import report
from ...state.watcher import Watcher
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("machines", nargs="*", metavar="MACHINE", help=MACHINE_HELP)
    parser.add_argument("--all", action="store_true", help="all machines of the cluster")
    parser.add_argument(
        "--only-required",
        action="store_true",
        help="of these, only where the operating system asks for it (/run/reboot-required)",
    )
    parser.add_argument(
        "--force", action="store_true", help="stop also what can run on no other machine"
    )
    parser.add_argument(
        "--timeout",
        type=of_option(seconds),
        default=REBOOT_SECONDS,
        metavar="SECONDS",
        help=f"how long each machine's turn may take (default: {REBOOT_SECONDS:g}); then the "
        "series ends",
    )
    parser.add_argument(
        "--unlock", action="store_true", help="end all reboots, and release the lock"
    )
    parser.add_argument("--series", default="", help=SUPPRESS)
    parser.add_argument("--resumed", action="store_true", help=SUPPRESS)


def _check(arguments: Namespace) -> None:
    if arguments.unlock and (arguments.machines or arguments.all or arguments.only_required):
        raise UsageError("--unlock is for the whole cluster: name no machine beside it")
    if bool(arguments.machines) == arguments.all and not arguments.unlock:
        raise UsageError("name the machines that are to reboot, or give --all")
    if not arguments.timeout:
        raise UsageError("--timeout is 0; a machine needs seconds to reboot, such as 600")


def _run(context: Context, arguments: Namespace) -> int:
    _check(arguments)
    with Watcher(context.connect()) as watcher:
        if arguments.unlock:
            print("\n".join(unlock(watcher)))
            return Exit.DONE
        series = arguments.series or secrets.token_hex(8)
        begun = begun_as(series, arguments.resumed, watcher.state)
        if not begun:  # Else, the machine was asked through has rebooted meanwhile.
            only = arguments.only_required
            machines = machines_meant(arguments.machines, only, watcher.state)
            if not machines:
                print("No machine asks for a reboot")
                return Exit.DONE
            begun = ask(watcher, machines, series, arguments.force, arguments.timeout)
        code = report(context, watcher, lambda: follow(watcher, begun))
        lock = watcher.state.reboot_lock
        if code and lock and lock.failure:
            tell(how_to_go_on(lock, watcher.state))
        return code


COMMAND = Command(
    name="reboot",
    summary="reboot machines, one after the other, without their units",
    help="""\
Reboot machines in turn, members of etcd last: each is drained, boots, is healthy and has its units
up again before the next one's turn comes. fleet's leader does it, so the machine that this goes
through may be one of them. Refused while a member of etcd is missing or would be missed. A machine
that does not come back ends the series: it keeps the lock of reboots, and no other machine is
touched, until it is healthy or --unlock is said. What an operator has cordoned or drained stays
so.""",
    example="""
  $ fleetctl reboot --all --only-required
  3f2a91bc.../172.18.0.11 has rebooted, in 41 s
  9d04e6a1.../172.18.0.12 has rebooted, in 38 s
""",
    configure=_configure,
    run=_run,
    after_interrupt=(
        "The reboots go on by themselves. To look: fleetctl list-machines. While they go on, "
        "the same command waits for them; when they are done, it reboots the machines again. To "
        "end them: fleetctl reboot --unlock"
    ),
    resumes=True,
)
