"""Transaction: what fleetctl writes of the desired state, by compare-and-swap."""

from collections.abc import Callable, Iterator, Mapping
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
from ...model.releases import Canary
from ..cli.errors import CtlError
from ..cli.origin import Origin
from ..cli.output import notice_if_slow
from ..releases.history import release_records
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
    """The unit files that these units and canaries name: SHA-256 to text."""
    records: Mapping[str, Record | None] = field(default_factory=dict[str, Record | None])
    """Other records that change, by key; None removes one."""
    lease: int = 0
    """What these records are bound to; 0: they stay."""
    failed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Units and templates that go back, and the file (SHA-256) that they cannot run with."""


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
        for commit in _commits(watcher.state, transaction, watcher.origin):
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

    def add(self, write: "_Write", view: ClusterState) -> None:
        """Take in a write, and the condition that its records are as they were seen."""
        self.operations += write.operations
        self.conditions += [Unchanged(key, view.mod_revision(key)) for key in write.keys]
        self.size += write.size

    def has_room(self, write: "_Write") -> bool:
        """Whether it fits into this one."""
        fits = len(self.operations) + len(write.operations) <= MAX_OPERATIONS
        return not self.operations or (fits and self.size + write.size <= MAX_COMMIT_BYTES)


@dataclass(frozen=True)
class _Write:
    """Write of what has to be in one commit."""

    keys: list[str]
    """Of the records, which are to be as they were seen."""
    operations: list[Operation]
    size: int = 0
    """How many bytes of unit files are in it."""


def _commits(view: ClusterState, transaction: Transaction, origin: Origin) -> Iterator[_Commit]:
    """Commits of a transaction, as few as there can be."""
    commit = _Commit()
    for write in _writes(view, transaction, origin):
        if not commit.has_room(write):
            yield commit
            commit = _Commit()
        commit.add(write, view)
    if commit.operations:
        yield commit


def _writes(view: ClusterState, transaction: Transaction, origin: Origin) -> Iterator[_Write]:
    """Writes of a transaction: each record by itself, but that of a unit with its releases."""
    now = time()
    for key, record in transaction.records.items():
        write = _of_records({key: record}, transaction.lease)
        sha = record.sha if isinstance(record, Canary) else ""
        yield _with_file(write, sha, transaction.texts)
    written: set[str] = set()
    noted = release_records(transaction.units, transaction.failed, view, origin, now)
    for name, unit in transaction.units.items():
        releases = _of_records(noted.pop(name, {}))
        own = _of_records({keys.unit_key(name): unit and replace(unit, written_at=now)})
        sha = unit.sha if unit and unit.sha not in written else ""
        written.add(sha)
        write = _Write(own.keys + releases.keys, own.operations + releases.operations)
        yield _with_file(write, sha, transaction.texts)
    for releases in noted.values():
        yield _of_records(releases)


def _with_file(write: _Write, sha: str, texts: Mapping[str, str]) -> _Write:
    """The write with this file, if it is one of these.

    Also when the file is there already: a new revision keeps `tidy` off it.
    """
    if sha not in texts:
        return write
    put = Put(keys.file_key(sha), texts[sha])
    return _Write(write.keys, [*write.operations, put], len(put.value.encode()))


def _of_records(records: Mapping[str, Record | None], lease: int = 0) -> _Write:
    operations = [
        Put(key, record.to_json(), lease) if record else Delete(key)
        for key, record in records.items()
    ]
    return _Write([*records], operations)


def tidy(watcher: Watcher) -> None:
    """Remove unit files that nothing names any more, and releases of units that are gone.

    Those are left where fleetctl of an earlier version has destroyed a unit.
    """
    view = watcher.state
    for id in view.releases:
        if id.rpartition("/")[0] not in view.units:
            key = keys.RELEASES + id
            watcher.store.commit([Delete(key)], Unchanged(key, view.mod_revision(key)))
    used = _used_files(view)
    for sha in sorted(view.files.keys() - used):
        key = keys.file_key(sha)
        watcher.store.commit([Delete(key)], Unchanged(key, view.mod_revision(key)))


def _used_files(view: ClusterState) -> set[str]:
    """Files that a unit, a canary, a machine's instruction or a release names, by SHA-256."""
    units = view.units.values()
    used = {sha for one in units for sha in (one.sha, one.newcomers_sha, *one.previous_files)}
    used.update(sha for one in view.canaries.values() for sha in (one.sha, one.previous_sha))
    used.update(one.sha for name in view.schedule for one in view.assigned(name).values())
    used.update(release.sha for release in view.releases.values() if not release.failed)
    return used
