"""Transaction: what fleetctl writes of the desired state, by compare-and-swap."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import time

from ...cluster_state.state import ClusterState
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
from .watcher import Watcher

ATTEMPTS = 10
"""How often a change is decided anew when others write at the same moment."""


@dataclass(frozen=True)
class Transaction:
    """Transaction on the records: what is to be written."""

    units: Mapping[str, Unit | None] = field(default_factory=dict[str, Unit | None])
    """The new desired state of each unit that changes; None removes it."""
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    """The unit files that these units name: SHA-256 to text."""
    records: Mapping[str, Record | None] = field(default_factory=dict[str, Record | None])
    """Other records that change, by key; None removes one."""
    lease: int = 0
    """What these records are bound to; 0: they stay."""


def transact(watcher: Watcher, decide: Callable[[ClusterState], Transaction]) -> Transaction:
    """Write what `decide` makes of the records, and decide again when they changed meanwhile.

    Afterwards the watcher's view shows what was written.

    Raises:
        CtlError: others kept changing the same units, or the data have a newer layout.
    """
    check_layout(watcher.store)
    transaction = decide(watcher.state)
    with notice_if_slow("Waiting for etcd to take the change."):
        for _ in range(ATTEMPTS):
            if _write(watcher, transaction):
                return transaction
            watcher.refresh()
            transaction = decide(watcher.state)
    names = ", ".join([*transaction.units, *transaction.records])
    raise CtlError(f"someone else keeps changing {names} at the same moment; try again")


def _write(watcher: Watcher, transaction: Transaction) -> bool:
    """Write all of it, in as few transactions as etcd allows, and see it in the view.

    Returns:
        False if one did not fit, or nobody knows: look at the records again.
    """
    revision = 0
    try:
        for commit in _commits(watcher.state, transaction):
            revision = watcher.store.commit(commit.operations, *commit.conditions)
            if not revision:
                return False
    except KVRefusedError:
        raise
    except KVUnavailableError:
        return False
    watcher.catch_up(revision)
    return True


@dataclass
class _Commit:
    """Commit: what goes into one transaction of etcd."""

    operations: list[Operation] = field(default_factory=list[Operation])
    conditions: list[Condition] = field(default_factory=list[Condition])
    size: int = 0
    """How many bytes of unit files are in it."""

    def add(self, operations: Sequence[Operation], unchanged: Condition, size: int) -> None:
        """Take in operations on one record, and the condition that it is as it was seen."""
        self.operations += operations
        self.conditions.append(unchanged)
        self.size += size

    def has_room(self, operations: Sequence[Operation], size: int) -> bool:
        """Whether these fit into it, with so many bytes of unit files."""
        fits = len(self.operations) + len(operations) <= MAX_OPERATIONS
        return not self.operations or (fits and self.size + size <= MAX_COMMIT_BYTES)


def _commits(view: ClusterState, transaction: Transaction) -> Iterator[_Commit]:
    """Commits of a transaction, as few as there can be."""
    commit = _Commit()
    for key, operations, size in _writes(transaction):
        if not commit.has_room(operations, size):
            yield commit
            commit = _Commit()
        commit.add(operations, Unchanged(key, view.mod_revision(key)), size)
    if commit.operations:
        yield commit


def _writes(transaction: Transaction) -> Iterator[tuple[str, list[Operation], int]]:
    """What is written of each record, by key, and how many bytes of unit files go with it."""
    for key, record in transaction.records.items():
        put = Put(key, record.to_json(), transaction.lease) if record else Delete(key)
        yield key, [put], 0
    written: set[str] = set()
    for name, unit in transaction.units.items():
        key = keys.unit_key(name)
        if unit is None:
            yield key, [Delete(key)], 0
            continue
        put = Put(key, replace(unit, written_at=time()).to_json())
        if unit.sha in written or unit.sha not in transaction.texts:
            yield key, [put], 0
            continue
        # Also when the file is there already: a new revision keeps `tidy` off it.
        text = transaction.texts[unit.sha]
        written.add(unit.sha)
        yield key, [put, Put(keys.file_key(unit.sha), text)], len(text.encode())


def tidy(watcher: Watcher) -> None:
    """Remove unit files that no unit and no machine's instruction names any more."""
    view = watcher.state
    units = view.units.values()
    used = {sha for unit in units for sha in (unit.sha, *unit.retained_files.values())}
    used.update(one.sha for name in view.schedule for one in view.assigned(name).values())
    for sha in sorted(view.files.keys() - used):
        key = keys.file_key(sha)
        watcher.store.commit([Delete(key)], Unchanged(key, view.mod_revision(key)))
