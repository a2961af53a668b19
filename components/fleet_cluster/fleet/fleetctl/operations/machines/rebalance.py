"""Rebalance: the moves that even out what the machines have, and the wait for them."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from ....cluster_state.state import ClusterState
from ....model.keys import move_key
from ....model.records import Move
from ....scheduler.rebalance import Rebalancing, rebalance
from ...cli import table
from ...cli.names import legend
from ...state.transaction import Transaction, transact
from ...state.watcher import Watcher
from ...wait.outcome import Failed, Outcome, Reached, WaitCondition, Waiting
from ...wait.wait import Wait
from .drain import MachineDrain

FIELDS = ("unit", "from", "to", "why")


def planned(view: ClusterState) -> Rebalancing:
    """Moves to make now, beside those that are under way."""
    machines = list(view.machines.values())
    current, everywhere = view.placements(), view.everywhere()
    return rebalance(view.jobs(), machines, current, view.eligibility, view.moves, everywhere)


def rows(plan: Rebalancing, view: ClusterState, full: bool) -> list[table.Row]:
    """Rows: one for each unit that is to move."""

    def row(unit: str, source: str, destination: str, why: str) -> table.Row:
        ids = (source, destination)
        machines = ids if full else tuple(legend(id, view.machines) for id in ids)
        return dict(zip(FIELDS, (unit, *machines, why), strict=True))

    return [
        row(unit, step.move.origin, step.move.destination, why)
        for step in plan.relocations
        for unit, why in (
            (step.unit, step.reason),
            *((name, f"it goes with {step.unit}") for name in step.followers),
        )
    ]


def nothing_to_move(plan: Rebalancing) -> str:
    """Why a plan is empty, in words."""
    loads = ", ".join(map(str, plan.loads)) or "none"
    if not plan.loads or plan.loads[0] - plan.loads[-1] <= 1:
        return f"Nothing to move: the machines are balanced; units on each: {loads}"
    return f"Nothing to move: no unit that may move would even them out; units on each: {loads}"


def write(watcher: Watcher) -> tuple[Rebalancing, dict[str, WaitCondition]]:
    """Plan, and tell fleet's leader to do it, by compare-and-swap.

    Returns:
        The plan, and what to wait for: also the moves that were under way before.

    Raises:
        CtlError: others kept writing the same moves.
    """
    plan = Rebalancing([], [])
    conditions: dict[str, WaitCondition] = {}

    def decide(view: ClusterState) -> Transaction:
        nonlocal plan, conditions
        plan = planned(view)
        conditions = _conditions(plan, view)
        return Transaction(records={move_key(step.unit): step.move for step in plan.relocations})

    transact(watcher, decide)
    return plan, conditions


def wait(
    watcher: Watcher,
    conditions: Mapping[str, WaitCondition],
    timeout: float | None,
    announce: Callable[[str, str], None],
) -> Mapping[str, Failed]:
    """Wait for all moves; those of units that do not come up where they go are withdrawn.

    Returns:
        The units that failed.

    Raises:
        TimedOutError: the time limit came first; the moves go on.
    """
    failures = Wait(watcher, dict(conditions), timeout, announce).run()
    if failures:
        _withdraw(watcher, failures)
    return failures


def _conditions(plan: Rebalancing, before: ClusterState) -> dict[str, WaitCondition]:
    """Conditions, of the records before the moves begin: these tell which units are up."""
    under_way = {
        name: RebalanceProgress([name], move, before) for name, move in before.moves.items()
    }
    new = {
        step.unit: RebalanceProgress([step.unit, *step.followers], step.move, before)
        for step in plan.relocations
    }
    return {name: progress.check for name, progress in (under_way | new).items()}


class RebalanceProgress:
    """Progress of one move: an anchor, and the units that go with it."""

    def __init__(self, units: Iterable[str], move: Move, view: ClusterState) -> None:
        self._drains = {unit: MachineDrain(unit, move.origin, view) for unit in units}
        self._anchor = next(iter(self._drains))
        self._source = move.origin

    def check(self, view: ClusterState) -> Outcome:
        """Outcome of all of them together: they stop where they were when all are up."""
        outcomes = {unit: one.check(view) for unit, one in self._drains.items()}
        for unit, outcome in outcomes.items():
            if isinstance(outcome, Failed):
                prefix = "" if unit == self._anchor else f"{unit}: "
                return replace(outcome, reason=prefix + outcome.reason)
        for outcome in outcomes.values():
            if isinstance(outcome, Waiting):
                return self._given_up(view) or outcome
        done = [outcome.message for outcome in outcomes.values() if isinstance(outcome, Reached)]
        return Reached("\n".join(done))

    def _given_up(self, view: ClusterState) -> Failed | None:
        if self._anchor in view.moves or self._source not in view.homes(self._anchor):
            return None
        return Failed(
            "it stays: fleet's leader found that it may not move there any more; "
            "for what fits now: fleetctl rebalance"
        )


def _withdraw(watcher: Watcher, names: Collection[str]) -> None:
    def decide(view: ClusterState) -> Transaction:
        return Transaction(records={move_key(name): None for name in names if name in view.moves})

    transact(watcher, decide)
