"""Bringing units down: what stop and unload have in common."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace

from ..model import Target, Unit
from . import waiting
from .change import Draft, change
from .command import Context
from .errors import Exit
from .finishing import finish
from .follow import Follower
from .goals import Goal
from .names import select
from .view import View
from .waiting import Wait

ORDER = list(Target)


def add_options(parser: ArgumentParser) -> None:
    """The arguments of stop, unload and destroy."""
    parser.add_argument("units", nargs="+", metavar="UNIT", help="a unit, or a quoted pattern")
    waiting.add_options(parser)


def lower(
    context: Context, arguments: Namespace, target: Target, goal: Callable[[str, Unit], Goal]
) -> int:
    """Bring units down to `target`; wait until they are there, unless told not to."""
    with Follower(context.connect()) as follower:
        names = select(arguments.units, follower.view.units, follower.view.runnable())
        change(follower, lambda view: lowering(names, target, view))
        if arguments.no_block:
            for name in names:
                print(f"Triggered unit {name} {arguments.command}")
            return Exit.DONE
        wanted = {name: goal(name, follower.view.units[name]) for name in names}
        wait = Wait(follower, wanted, waiting.timeout_of(arguments))
        return finish(context, follower, wait.run)


def lowering(names: list[str], target: Target, view: View) -> Draft:
    """What brings units down to `target`; one that is further down already stays there."""
    units = {name: view.units[name] for name in names if name in view.units}
    higher = {
        name: unit for name, unit in units.items() if ORDER.index(unit.target) > ORDER.index(target)
    }
    return Draft({name: replace(unit, target=target) for name, unit in higher.items()})
