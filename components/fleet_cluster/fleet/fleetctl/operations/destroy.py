"""Destruction of units: first off their machines, then from etcd."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ...cluster_state.state import ClusterState
from ...model.records import DesiredState, Unit
from ..state.transaction import Transaction, tidy, transact
from ..state.watcher import Watcher
from ..wait.outcome import Failed
from ..wait.stop import gone
from ..wait.wait import Wait, announce


def destroy(
    watcher: Watcher,
    names: Iterable[str],
    timeout: float | None = None,
    block: bool = True,
    announce: Callable[[str, str], None] = announce,
) -> Mapping[str, Failed]:
    """Stop units, wait until they are on no machine, then remove them and unused files.

    A record that says inactive stands until the unit is gone, because it is what makes a machine
    stop a unit that it holds; and an interrupted destroy can be repeated.

    Returns:
        The units that could not be removed.

    Raises:
        TimedOutError: the time limit came first; the units stay inactive.
    """
    names = list(names)
    failures: Mapping[str, Failed] = {}
    if block:
        transact(watcher, lambda view: deactivation(names, view))
        wanted = {name: gone(name, f"Destroyed {name}") for name in names}
        failures = Wait(watcher, wanted, timeout, announce).run()
    removed = [name for name in names if name not in failures]
    transact(watcher, lambda view: removal(removed, view, forced=not block))
    tidy(watcher)
    return failures


def deactivation(names: Iterable[str], view: ClusterState) -> Transaction:
    """Transaction that takes units off their machines, orphans included."""
    units: dict[str, Unit | None] = {}
    for name in names:
        unit = view.units.get(name) or _reported(name, view)
        if unit and unit.desired_state is not DesiredState.INACTIVE:
            units[name] = replace(unit, desired_state=DesiredState.INACTIVE)
    return Transaction(units)


def removal(names: Iterable[str], view: ClusterState, forced: bool = False) -> Transaction:
    """Transaction that removes units' records, unless someone has started them again."""
    return Transaction(
        {
            name: None
            for name in names
            if (unit := view.units.get(name))
            and (forced or unit.desired_state is DesiredState.INACTIVE)
        }
    )


def _reported(name: str, view: ClusterState) -> Unit | None:
    """A unit that runs without a record in this etcd."""
    for state in view.reported(name).values():
        return Unit(state.sha, DesiredState.LAUNCHED)
    return None
