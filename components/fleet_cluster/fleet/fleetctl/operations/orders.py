"""Orders to machines: what systemd is to do about units, once."""

from collections.abc import Iterable, Mapping

from ...cluster_state.state import ClusterState
from ...model.keys import order_key
from ...model.records import Order, UnitState, Verb
from ..cli.errors import CtlError
from ..cli.names import legend
from ..state.transaction import Transaction, transact
from ..state.watcher import Watcher
from ..wait.outcome import Failed, Outcome, Reached, WaitCondition, Waiting
from ..wait.wait import Wait, say_nothing

ANSWER_SECONDS = 60
"""How long an order stands: fleetd takes it within milliseconds, or is not there."""
RELOAD_SECONDS = 3600
"""The same for one that takes as long as the unit's ExecReload= does."""


def give_order(
    watcher: Watcher, verb: Verb, placements: Mapping[str, Iterable[str]], timeout: float | None
) -> Mapping[str, Failed]:
    """Give machines an order about units; wait until each has answered.

    Args:
        watcher: the records.
        verb: what is to be done.
        placements: the units, and the ids of each one's machines.
        timeout: in seconds; None: until the orders end by themselves.

    Returns:
        The units that a machine has not done it for, and why.

    Raises:
        CtlError: one of them has such an order already.
        TimedOutError: the time limit came first.
    """
    placements = {name: list(machines) for name, machines in placements.items()}
    stands = RELOAD_SECONDS if verb is Verb.RELOAD else ANSWER_SECONDS
    lease = watcher.store.grant(stands)

    def decide(view: ClusterState) -> Transaction:
        for name, machines in placements.items():
            _check_free(name, machines, view, lease)
        keys = [order_key(on, name) for name, machines in placements.items() for on in machines]
        # Those that were given already: etcd's answer was lost.
        fresh = [key for key in keys if not _is_of(lease, key, view)]
        return Transaction(records={key: Order(verb) for key in fresh}, lease=lease)

    try:
        transact(watcher, decide)
        answers = {name: _answered(name, machines) for name, machines in placements.items()}
        return Wait(watcher, answers, timeout, say_nothing).run()
    finally:
        watcher.store.revoke(lease)


def reporting(name: str, view: ClusterState) -> dict[str, UnitState]:
    """Reports of a unit by the machines that can take an order for it, by machine."""
    return {on: state for on, state in view.reported(name).items() if on in view.machines}


def print_done(done: str, placements: Mapping[str, Iterable[str]], view: ClusterState) -> None:
    """Print of each unit that it is done ("reloaded"), and on which machines."""
    for name, machines in sorted(placements.items()):
        print(f"Unit {name} {done} on {', '.join(legend(on, view.machines) for on in machines)}")


def _check_free(name: str, machines: Iterable[str], view: ClusterState, lease: int) -> None:
    for machine in machines:
        order = view.orders.get(name, {}).get(machine)
        if order and not _is_of(lease, order_key(machine, name), view):
            where = legend(machine, view.machines)
            raise CtlError(f"someone else has just ordered {order.verb} {name} on {where}")


def _is_of(lease: int, key: str, view: ClusterState) -> bool:
    return key in view.entries and view.entries[key].lease == lease


def _answered(name: str, machines: Iterable[str]) -> WaitCondition:
    def condition(view: ClusterState) -> Outcome:
        outcomes = [_answer(name, machine, view) for machine in machines]
        failed = [one for one in outcomes if isinstance(one, Failed)]
        waiting = [one for one in outcomes if isinstance(one, Waiting)]
        return next(iter([*failed, *waiting]), Reached(name))

    return condition


def _answer(name: str, machine: str, view: ClusterState) -> Outcome:
    where = legend(machine, view.machines)
    order = view.orders.get(name, {}).get(machine)
    if order is None or machine not in view.machines:
        return Failed(f"fleetd on {where} did not answer; see: fleetctl list-machines", machine)
    if not order.answer:
        return Waiting(f"fleetd on {where} has not answered yet")
    if order.answer != Order.DONE:
        return Failed(f"{where}: {order.answer}", machine)
    return Reached(where)
