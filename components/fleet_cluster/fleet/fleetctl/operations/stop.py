"""Bringing units down: what stop and unload have in common."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace

from ...model.records import DesiredState, Unit
from ..cli.errors import Exit
from ..cli.names import select
from ..cli.wait_options import add_wait_options, timeout_of
from ..state.transaction import Transaction, transact
from ..state.view import View
from ..state.watcher import Watcher
from ..wait.outcome import WaitCondition
from ..wait.wait import Wait
from .context import Context
from .report import report

ORDER = list(DesiredState)


def add_options(parser: ArgumentParser) -> None:
    """The arguments of stop, unload and destroy."""
    parser.add_argument("units", nargs="+", metavar="UNIT", help="a unit, or a quoted pattern")
    add_wait_options(parser)


def bring_down(
    context: Context,
    arguments: Namespace,
    target: DesiredState,
    condition: Callable[[str, Unit], WaitCondition],
) -> int:
    """Bring units down to `target`; wait until they are there, unless told not to."""
    with Watcher(context.connect()) as watcher:
        names = select(arguments.units, watcher.view.units, watcher.view.runnable())
        transact(watcher, lambda view: lowering(names, target, view))
        if arguments.no_block:
            for name in names:
                print(f"Triggered unit {name} {arguments.command}")
            return Exit.DONE
        wanted = {name: condition(name, watcher.view.units[name]) for name in names}
        wait = Wait(watcher, wanted, timeout_of(arguments))
        return report(context, watcher, wait.run)


def lowering(names: list[str], target: DesiredState, view: View) -> Transaction:
    """What brings units down to `target`; one that is further down already stays there."""
    units = {name: view.units[name] for name in names if name in view.units}
    higher = {
        name: unit
        for name, unit in units.items()
        if ORDER.index(unit.desired_state) > ORDER.index(target)
    }
    return Transaction({name: replace(unit, desired_state=target) for name, unit in higher.items()})
