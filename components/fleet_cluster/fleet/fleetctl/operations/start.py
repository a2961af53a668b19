"""Start of units: what submit, load and start have in common."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping

from ...cluster_state.state import ClusterState
from ...model.records import DesiredState
from ..cli.errors import Exit
from ..cli.output import tell
from ..cli.wait_options import add_wait_options, timeout_of
from ..state.dead_units import dead_units
from ..state.submission import names_to_submit, submission
from ..state.transaction import Transaction, transact
from ..state.watcher import Watcher
from ..wait.desired_state import in_desired_state
from ..wait.outcome import Failed, Reports, Unplaced
from ..wait.wait import Wait
from .admission import admit
from .context import Context
from .report import report
from .restart_dead_units import unassign


def add_options(parser: ArgumentParser) -> None:
    """The arguments of load and start."""
    add_unit_arguments(parser)
    add_wait_options(parser)


def add_unit_arguments(parser: ArgumentParser) -> None:
    """The arguments of all that take unit files."""
    parser.add_argument(
        "units", nargs="+", metavar="UNIT", help="a unit, an instance, or a unit file's path"
    )
    parser.add_argument(
        "--replace", action="store_true", help="put your files in place of different ones"
    )


def bring_up(context: Context, arguments: Namespace, desired: DesiredState) -> int:
    """Write the units' desired state; wait until they are there, unless told not to."""
    with Watcher(context.connect(), context.origin) as watcher:
        names = names_to_submit(arguments.units, watcher.state)

        def decide(view: ClusterState) -> Transaction:
            return submission(names, desired, context.files, view, arguments.replace)

        first = decide(watcher.state)  # Refuses bad input before the first change.
        admit(first.units, first.texts, watcher.state)
        timeout = timeout_of(arguments)
        if desired is DesiredState.LAUNCHED:
            timeout = _unassign_dead(names, watcher, timeout, decide)
        before = {name: dict(watcher.state.reported(name)) for name in names}
        started = transact(watcher, decide).units
        if arguments.no_block:
            _say_triggered(names, desired, watcher.state)
            return Exit.DONE
        reports = {name: before[name] if name in started else None for name in names}
        return _wait(context, watcher, reports, timeout)


def _unassign_dead(
    names: list[str],
    watcher: Watcher,
    timeout: float | None,
    decide: Callable[[ClusterState], Transaction],
) -> float | None:
    """Take units at rest off their machines; what is left of the time limit."""
    dead = dead_units(names, watcher.state, with_finished=True)
    return unassign(dead, watcher, timeout, lambda: transact(watcher, decide))


def _wait(
    context: Context,
    watcher: Watcher,
    before: Mapping[str, Reports | None],
    timeout: float | None,
) -> Exit:
    units = watcher.state.units
    conditions = {n: in_desired_state(n, units[n], reports) for n, reports in before.items()}
    wait = Wait(watcher, conditions, timeout)
    code = report(context, watcher, wait.run)
    _say_how_to_give_up(wait.failures)
    return code


def _say_triggered(names: list[str], desired: DesiredState, view: ClusterState) -> None:
    verb = "start" if desired is DesiredState.LAUNCHED else "load"
    for name in names:
        print(f"Triggered {'global ' if view.is_global(name) else ''}unit {name} {verb}")


def _say_how_to_give_up(failures: Mapping[str, Failed]) -> None:
    for name, failure in failures.items():
        if isinstance(failure, Unplaced):
            tell(
                f"{name} stays desired: it starts as soon as a machine fits. "
                f"To give it up: fleetctl destroy {name}"
            )
