"""Rejoin of followers: what systemd stopped with another unit runs again."""

from collections.abc import Mapping
from dataclasses import replace

from ...cluster_state.state import ClusterState
from ...model.records import DesiredState
from ..state.dead_units import dead_units
from ..state.rollout_order import pulls
from ..state.transaction import Transaction, transact
from ..state.watcher import Watcher
from ..wait.outcome import Failed, Reports
from ..wait.start import running
from ..wait.stop import unstarted
from ..wait.wait import Wait, say_nothing


def rejoin(
    watcher: Watcher, followers: Mapping[str, list[str]], timeout: float | None
) -> Mapping[str, Failed]:
    """Start followers again where systemd does not, and wait until all of them run.

    systemd stopped those that are bound to a unit which was restarted. It starts them with the
    unit only if the unit's file asks for that.

    Args:
        watcher: the records.
        followers: those that were active before, by the unit that they follow.
        timeout: in seconds, for each of the two waits.

    Returns:
        The followers that failed.

    Raises:
        TimedOutError: the time limit came first.
    """
    left = dead_units(_not_pulled(followers, watcher.state), watcher.state, with_finished=True)
    before: dict[str, Reports] = {name: dict(watcher.state.reported(name)) for name in left}
    _start_again(watcher, before, timeout)
    units = watcher.state.units
    known = {name for names in followers.values() for name in names if name in units}
    conditions = {name: running(name, units[name], before.get(name, {})) for name in sorted(known)}
    return Wait(watcher, conditions, timeout, say_nothing).run()


def _not_pulled(followers: Mapping[str, list[str]], view: ClusterState) -> list[str]:
    return [
        follower
        for name, names in followers.items()
        for follower in names
        if not pulls(name, view.text_of(name) or "", follower)
    ]


def _start_again(watcher: Watcher, before: Mapping[str, Reports], timeout: float | None) -> None:
    """Unlike `unassign`, this keeps them on their machines."""
    up = {name: watcher.state.units[name] for name in before}
    down = {name: replace(unit, desired_state=DesiredState.LOADED) for name, unit in up.items()}
    transact(watcher, lambda _view: Transaction(down))
    try:
        conditions = {name: unstarted(name, unit, before[name]) for name, unit in down.items()}
        Wait(watcher, conditions, timeout, say_nothing).run()
    finally:
        transact(watcher, lambda _view: Transaction(up))
