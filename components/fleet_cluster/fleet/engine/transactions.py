"""Transactions of the leader: instructions as etcd takes them, with what each depends on. Pure."""

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import replace

from ..cluster_state.state import ClusterState
from ..kv import MAX_OPERATIONS, Condition, Delete, Operation, Put, Unchanged
from ..model.keys import LEADER, eligibility_key, machine_key, schedule_key, unit_key
from ..model.records import Assignment
from .reconciler import Instruction
from .service_names import SHUTDOWN_DELAY, NamesByPlace, lets_go, names_by_place, relied_on

Transaction = tuple[list[Operation], list[Condition], list[Instruction]]
"""What is written, on which conditions, and the instructions that it is."""


def transactions(
    changes: Iterable[Instruction],
    state: ClusterState,
    leading: Condition,
    dated: Callable[[Assignment], Assignment],
) -> Iterator[Transaction]:
    """The changes, as few transactions as possible.

    Args:
        changes: what machines are to be told.
        state: what that was decided on.
        leading: that this is still the leader.
        dated: gives an assignment the time at which it is decided.
    """
    names = names_by_place(state)
    places = relied_on(names, state)
    operations: list[Operation] = []
    conditions: dict[str, Condition] = {LEADER: leading}
    done: list[Instruction] = []
    for change in changes:
        needed = {key: Unchanged(key, state.mod_revision(key)) for key in _keys_behind(change)}
        own = _operations(change, state, names, places, dated)
        full = len(operations) + len(own) > MAX_OPERATIONS
        if full or len(conditions.keys() | needed.keys()) > MAX_OPERATIONS:
            yield operations, list(conditions.values()), done
            operations, conditions, done = [], {LEADER: leading}, []
        operations.extend(own)
        conditions.update(needed)
        done.append(change)
    if operations:
        yield operations, list(conditions.values()), done


def _operations(
    change: Instruction,
    state: ClusterState,
    names: NamesByPlace,
    places: Set[tuple[str, str]],
    dated: Callable[[Assignment], Assignment],
) -> list[Operation]:
    """What a change writes. A unit that stops for it is found no more in that moment."""
    key, assignment = schedule_key(change.machine, change.unit), change.assignment
    before = state.assignments(change.unit).get(change.machine)
    place, goes = (change.machine, change.unit), lets_go(before, assignment)
    ended = list(map(Delete, names.get(place, ()))) if goes else []
    if assignment is None:
        return [Delete(key), *ended]
    delay = SHUTDOWN_DELAY if goes and place in places else 0.0
    written = replace(dated(assignment), shutdown_delay=delay)
    return [Put(key, written.to_json()), *ended]


def _keys_behind(change: Instruction) -> tuple[str, ...]:
    return (
        unit_key(change.unit),
        machine_key(change.machine),
        eligibility_key(change.machine),
    )
