"""Stop of units: what stop and unload have in common."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace

from ...cluster_state.state import ClusterState
from ...model.records import TRANSIENT, DesiredState, Unit
from ..cli.errors import Exit
from ..cli.names import select
from ..cli.wait_options import add_wait_options, timeout_of
from ..state.transaction import Transaction, transact
from ..state.watcher import Watcher
from ..wait.outcome import WaitCondition
from ..wait.stop import gone
from ..wait.wait import Wait
from .context import Context
from .report import report

HEIGHTS = list(DesiredState)


def add_options(parser: ArgumentParser) -> None:
    """The arguments of stop, unload and destroy."""
    parser.add_argument("units", nargs="+", metavar="UNIT", help="a unit, or a quoted pattern")
    add_wait_options(parser)


def bring_down(
    context: Context,
    arguments: Namespace,
    desired: DesiredState,
    condition: Callable[[str, Unit], WaitCondition],
) -> int:
    """Bring units down to `desired`; wait until they are there, unless told not to."""
    with Watcher(context.connect()) as watcher:
        names = select(arguments.units, watcher.state.units, watcher.state.runnable())
        transact(watcher, lambda view: lowered(names, desired, view))
        if arguments.no_block:
            for name in names:
                print(f"Triggered unit {name} {arguments.command}")
            return Exit.DONE
        units = {name: watcher.state.units.get(name) for name in names}
        wanted = {
            name: condition(name, unit) if unit and unit.owner != TRANSIENT else run_stopped(name)
            for name, unit in units.items()
        }
        wait = Wait(watcher, wanted, timeout_of(arguments))
        return report(context, watcher, wait.run)


def lowered(names: list[str], desired: DesiredState, view: ClusterState) -> Transaction:
    """Transaction that brings units down to `desired`; one that is further down stays there.

    A transient unit is loaded while it runs, and gone when it is stopped.
    """
    units: dict[str, Unit | None] = {}
    for name in names:
        unit = view.units.get(name)
        lowest = DesiredState.INACTIVE if unit and unit.owner == TRANSIENT else desired
        if unit and HEIGHTS.index(unit.desired_state) > HEIGHTS.index(lowest):
            units[name] = replace(unit, desired_state=lowest)
    return Transaction(units)


def run_stopped(name: str) -> WaitCondition:
    """Wait condition: a transient unit is on no machine any more."""
    return gone(name, f"Unit {name} stopped: its run is over, and it goes")
