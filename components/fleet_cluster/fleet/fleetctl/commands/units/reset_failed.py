"""`fleetctl reset-failed`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from ....cluster_state.state import ClusterState
from ....model.records import Verb
from ...cli.errors import Exit
from ...cli.names import select
from ...cli.output import tell
from ...cli.wait_options import add_limits, timeout_of
from ...operations.context import Context
from ...operations.orders import give_order, print_done, reporting
from ...operations.report import report
from ...state.watcher import Watcher
from ...wait.outcome import Failed
from ...wait.stop import forgotten
from ...wait.wait import Wait, say_nothing
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "units", nargs="*", metavar="UNIT", help="a unit, or a quoted pattern; without: all failed"
    )
    add_limits(parser)


def _placements(given: list[str], view: ClusterState) -> dict[str, list[str]]:
    """Placements in question: units and their machines; of all units, those where they failed."""
    names = select(given, view.units) if given else list(view.units)
    placements = {name: _machines(name, view, failed=not given) for name in names}
    for name in [name for name in names if given and not placements[name]]:
        tell(f"{name} is on no machine, so there is nothing to reset")
    if not given and not any(placements.values()):
        tell("no unit has failed")
    return {name: machines for name, machines in placements.items() if machines}


def _machines(name: str, view: ClusterState, failed: bool) -> list[str]:
    states = reporting(name, view).items()
    return sorted(on for on, state in states if state.active == "failed" or not failed)


def _reset(
    watcher: Watcher, placements: Mapping[str, list[str]], timeout: float | None
) -> Mapping[str, Failed]:
    before = {name: dict(watcher.state.reported(name)) for name in placements}
    failures = give_order(watcher, Verb.RESET_FAILED, placements, timeout)
    conditions = {n: forgotten(n, before[n]) for n in placements if n not in failures}
    return failures or Wait(watcher, conditions, timeout, say_nothing).run()


def _run(context: Context, arguments: Namespace) -> int:
    timeout = timeout_of(arguments)
    with Watcher(context.connect()) as watcher:
        placements = _placements(arguments.units, watcher.state)
        if not placements:
            return Exit.DONE
        code = report(context, watcher, lambda: _reset(watcher, placements, timeout))
        if code == Exit.DONE:
            print_done("reset", placements, watcher.state)
    return code


COMMAND = Command(
    name="reset-failed",
    summary="forget that units have failed, and how often they were started",
    help="""\
Have systemd forget that units have failed, and how often they were started lately, which is what
StartLimitBurst= counts. Without a UNIT: of all that are failed. It starts nothing: `start` or
`restart` do, and both forget it by themselves.""",
    example="""
  $ fleetctl reset-failed hello.service
  Unit hello.service reset on 3f2a91bc.../172.18.0.11

  $ fleetctl reset-failed
""",
    configure=_configure,
    run=_run,
    after_interrupt=(
        "Machines that have been asked forget it all the same. To look: fleetctl list-units"
    ),
)
