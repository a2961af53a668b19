"""`fleetctl reload`."""

from argparse import ArgumentParser, Namespace

from ....cluster_state.state import ClusterState
from ....model.records import DesiredState, Verb
from ...cli.errors import CtlError, Exit
from ...cli.names import select
from ...cli.wait_options import add_limits, timeout_of
from ...operations.context import Context
from ...operations.orders import give_order, print_done, reporting
from ...operations.report import report
from ...state.watcher import Watcher
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("units", nargs="+", metavar="UNIT", help="a unit, or a quoted pattern")
    add_limits(parser)


def running_placements(given: list[str], view: ClusterState) -> dict[str, list[str]]:
    """Placements to reload: the units, and the machines where each runs.

    Raises:
        CtlError: one of them does not run.
    """
    launched = [
        name for name, unit in view.units.items() if unit.desired_state is DesiredState.LAUNCHED
    ]
    found = {name: _running_on(name, view) for name in select(given, view.units, launched)}
    for name, machines in found.items():
        if not machines:
            raise CtlError(
                f"{name} does not run, so nothing was reloaded; see: fleetctl why {name}. "
                f"To start it: fleetctl start {name}"
            )
    return found


def _running_on(name: str, view: ClusterState) -> list[str]:
    states = reporting(name, view).items()
    return sorted(on for on, state in states if state.active in ("active", "reloading"))


def _run(context: Context, arguments: Namespace) -> int:
    timeout = timeout_of(arguments)
    with Watcher(context.connect()) as watcher:
        wanted = running_placements(arguments.units, watcher.state)
        code = report(context, watcher, lambda: give_order(watcher, Verb.RELOAD, wanted, timeout))
        if code == Exit.DONE:
            print_done("reloaded", wanted, watcher.state)
    return code


COMMAND = Command(
    name="reload",
    summary="have units read their configuration again, without a restart",
    help="""\
Run the ExecReload= of units where they run, as `systemctl reload` does, and wait until it has
ended. The units go on running, also when that fails. One that has no ExecReload= cannot be
reloaded. It is about what the service reads itself; for a changed unit file there is `rollout`.""",
    example="""
  $ fleetctl reload nginx.service
  Unit nginx.service reloaded on 3f2a91bc.../172.18.0.11, 9d04e6a1.../172.18.0.12
""",
    configure=_configure,
    run=_run,
    after_interrupt=(
        "A reload that has begun goes on. To look: fleetctl status {units}, fleetctl list-units "
        "{units}"
    ),
)
