"""Changing the desired state: what fleetctl writes, by compare-and-swap."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from time import time

from ...kv import (
    MAX_COMMIT_BYTES,
    MAX_OPERATIONS,
    Condition,
    Delete,
    KVRefusedError,
    KVUnavailableError,
    Operation,
    Put,
    Unchanged,
)
from ...model import keys
from ...model.record import Record
from ...model.records import Unit
from ..cli.errors import CtlError
from ..cli.output import notice_if_slow
from .layout import check_layout
from .view import View
from .watcher import Watcher

ATTEMPTS = 10
"""How often a change is decided anew when others write at the same moment."""


@dataclass(frozen=True)
class Transaction:
    """What is to be written."""

    units: Mapping[str, Unit | None] = field(default_factory=dict[str, Unit | None])
    """The new desired state of each unit that changes; None removes it."""
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    """The unit files that these units name: SHA-256 to text."""
    records: Mapping[str, Record | None] = field(default_factory=dict[str, Record | None])
    """Other records that change, by key; None removes one."""
    lease: int = 0
    """What these records are bound to; 0: they stay."""


def transact(watcher: Watcher, decide: Callable[[View], Transaction]) -> Transaction:
    """Write what `decide` makes of the records, and decide again when they changed meanwhile.

    Afterwards the watcher's view shows what was written.

    Raises:
        CtlError: others kept changing the same units, or the data have a newer layout.
    """
    check_layout(watcher.store)
    transaction = decide(watcher.view)
    with notice_if_slow("Waiting for etcd to take the change."):
        for _ in range(ATTEMPTS):
            if _write(watcher, transaction):
                return transaction
            watcher.refresh()
            transaction = decide(watcher.view)
    names = ", ".join([*transaction.units, *transaction.records])
    raise CtlError(f"someone else keeps changing {names} at the same moment; try again")


def _write(watcher: Watcher, transaction: Transaction) -> bool:
    """Write all of it, in as few transactions as etcd allows, and see it in the view.

    Returns:
        False if one did not fit, or nobody knows: look at the records again.
    """
    revision = 0
    try:
        for operations, conditions in _batches(watcher.view, transaction):
            revision = watcher.store.commit(operations, *conditions)
            if not revision:
                return False
    except KVRefusedError:
        raise
    except KVUnavailableError:
        return False
    watcher.catch_up(revision)
    return True


def _batches(
    view: View, transaction: Transaction
) -> Iterator[tuple[list[Operation], list[Condition]]]:
    operations: list[Operation] = []
    conditions: list[Condition] = []
    written: set[str] = set()
    for key, record in transaction.records.items():
        if len(operations) == MAX_OPERATIONS:
            yield operations, conditions
            operations, conditions = [], []
        conditions.append(Unchanged(key, view.mod_revision(key)))
        operations.append(Put(key, record.to_json(), transaction.lease) if record else Delete(key))
    size = 0
    for name, unit in transaction.units.items():
        more = _size(unit, transaction, written)
        if len(operations) + 2 > MAX_OPERATIONS or size + more > MAX_COMMIT_BYTES:
            yield operations, conditions
            operations, conditions, size = [], [], 0
        size += more
        key = keys.unit_key(name)
        conditions.append(Unchanged(key, view.mod_revision(key)))
        if unit is None:
            operations.append(Delete(key))
            continue
        operations.append(Put(key, replace(unit, written_at=time()).to_json()))
        if unit.sha in transaction.texts and unit.sha not in written:
            # Also when the file is there already: a new revision keeps `tidy` off it.
            operations.append(Put(keys.file_key(unit.sha), transaction.texts[unit.sha]))
            written.add(unit.sha)
    if operations:
        yield operations, conditions


def _size(unit: Unit | None, transaction: Transaction, written: Collection[str]) -> int:
    """How many bytes of files go with a unit."""
    if unit is None or unit.sha in written:
        return 0
    return len(transaction.texts.get(unit.sha, "").encode())


def tidy(watcher: Watcher) -> None:
    """Remove unit files that no unit and no machine's instruction names any more."""
    view = watcher.view
    used = {
        sha for unit in view.units.values() for sha in (unit.sha, *unit.retained_files.values())
    }
    used.update(on.sha for machines in view.schedule.values() for on in machines.values())
    for sha in sorted(view.files.keys() - used):
        key = keys.file_key(sha)
        watcher.store.commit([Delete(key)], Unchanged(key, view.mod_revision(key)))
