"""The leader's part of the control loop: one fleetd at a time writes `schedule/`.

Every transaction also compares the create revision of the leader's key, and the revisions of the
units, machines and marks that it decided on: what has changed meanwhile is decided again.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from ..cluster_state.placement import is_to_run
from ..cluster_state.state import ClusterState
from ..coordination import debounce
from ..coordination.debounce import Debounce
from ..coordination.lease import Lease
from ..coordination.watch_cache import WatchCache
from ..journal_log import about
from ..kv import (
    KV,
    MAX_OPERATIONS,
    Condition,
    CreatedAt,
    Delete,
    KVRefusedError,
    Operation,
    Put,
    Unchanged,
)
from ..model.keys import (
    LEADER,
    ROOT,
    STATES,
    UNITS,
    eligibility_key,
    machine_key,
    schedule_key,
    unit_key,
)
from .failure_detector import FailureDetector
from .reboots import AskMembers, Reboots, no_members, writes
from .reconciler import Caution, Instruction, decide

log = logging.getLogger(__name__)

FORGET_SECONDS = 10 * 60.0
"""For this long a lost machine that comes back finds its global units still assigned."""


REBOOT_LOOK_SECONDS = 1.0
"""How often a reboot is looked at though nothing has changed: its time may be over."""


class Leader:
    """One term of leadership. Runs in the loop's thread."""

    def __init__(
        self,
        term: int,
        store: KV,
        lease: Lease,
        clock: Callable[[], float],
        wake: Callable[[], None],
        wall_clock: Callable[[], float] = time.time,
        ask_members: AskMembers = no_members,
        reboot_window: str = "",
    ) -> None:
        """`term`: the create revision of the leader's key; `wall_clock`: seconds since 1970."""
        self.term = term
        self._wall_clock = wall_clock
        self.count: Callable[[Iterable[str]], None] = lambda _kinds: None
        """Told what kind of changes were written."""
        self.uncertain = False
        """Whether something was written that may still be done: the term has to end."""
        self._store = store
        self._lease = lease
        self._cache = WatchCache(store, ROOT, wake)
        self._state = ClusterState(log.error)
        self._failures = FailureDetector(clock, lease.ttl)
        self._reboots = Reboots(clock, wall_clock, ask_members, reboot_window)
        self._debounce = Debounce()
        self._dirty = True
        self._open = True

    def close(self) -> None:
        """End the watch."""
        self._cache.close()

    def reconcile(self, identity_changed: bool, full: bool) -> float:
        """Write what the schedule needs now.

        Args:
            identity_changed: the store turned out to be another one: units that seem to run
                nowhere wait until every machine has had time to report.
            full: decide even if nothing has changed.

        Returns:
            After how many seconds to look again though nothing has changed; 0 if not needed.
        """
        changed = self._cache.refresh()
        self._dirty |= self._takes_in(changed) or full
        if not self._cache.settled:
            return 0.0
        if self._debounce.goes_on(sum(key.startswith(UNITS) for key in changed)):
            return debounce.SECONDS
        disconnected_for = max(0.0, self._lease.ttl - self._lease.connected_for())
        # States alone change nothing, unless something waits for them.
        if self._dirty or self._open or self._state.orphans:
            self._open = not self._schedule(disconnected_for > 0, identity_changed)
            self._dirty = False
            if disconnected_for:
                return disconnected_for
        return 0.0 if disconnected_for else self._reboot()

    def _reboot(self) -> float:
        """Do what is next of a reboot, once the schedule shows what was written last."""
        if not self._cache.settled:
            return 0.0
        step = self._reboots.next_step(self._state, settled=not self._open)
        if step is None:
            return REBOOT_LOOK_SECONDS if self._reboots.has_work(self._state) else 0.0
        conditions = [self._unchanged(key) for key in (*step.records, *step.seen)]
        revision = self._commit(writes(step), [CreatedAt(LEADER, self.term), *conditions])
        if revision:
            self._cache.expect(revision)
            what = about("reboot", machine=step.machine, revision=revision)
            log.info("%s: %s", step.machine, step.said, extra=what)
        return 0.0

    def _takes_in(self, changed: Collection[str]) -> bool:
        """Decode what has changed. Whether that may change what is to be decided.

        States do not, but for the end of a unit that has done its work.
        """
        prefixes = self._state.update(changed, self._cache.entries, self._cache.revision)
        return bool(prefixes - {STATES}) or self._state.completions(changed)

    def _schedule(self, disconnected: bool, identity_changed: bool) -> bool:
        """Decide and write. Whether nothing is left to do."""
        self._detect_failures()
        caution = Caution(
            keep_lost=disconnected or self._failures.too_many,
            keep_unplaced=disconnected and identity_changed,
            forgotten=self._forgotten(disconnected),
        )
        decision = decide(self._state, caution)
        for operations, conditions, changes in self._transactions(decision.changes):
            revision = self._commit(operations, conditions)
            if not revision:
                log.info("the cluster changed while it was scheduled, deciding again")
                return False
            self._cache.expect(revision)
            self.count(map(_kind, changes))
            for change in changes:
                _log(change, revision)
        self._delete(decision.obsolete)
        if not caution.keep_lost:
            self._failures.settle(self._failures.missing)
        is_busy = decision.changes or decision.waiting or decision.obsolete or self._is_stopping()
        return not (is_busy or disconnected)

    def _commit(self, operations: Sequence[Operation], conditions: Sequence[Condition]) -> int:
        self.uncertain = True  # Until it is known what has happened.
        try:
            revision = self._store.commit(operations, *conditions)
        except KVRefusedError:
            self.uncertain = False  # It is done by now, or never.
            self._cache.close()  # etcd whose room has just ended does, and says no.
            raise
        self.uncertain = False
        return revision

    def _is_stopping(self) -> bool:
        """Whether a machine that is alive is told to stop a unit."""
        return any(
            not is_to_run(assignment) and machine in self._state.machines
            for machines in self._state.schedule.values()
            for machine, assignment in machines.items()
        )

    def _forgotten(self, disconnected: bool) -> frozenset[str]:
        """The machines that nothing is kept for: lost for long, or removed for good."""
        removed = {machine for machine, one in self._state.eligibility.items() if one.removed}
        gone = frozenset[str]() if disconnected else removed - self._state.machines.keys()
        return self._failures.longer_than(FORGET_SECONDS) | gone

    def _delete(self, keys: Iterable[str]) -> None:
        """Delete records that have served, each if it is still the one that was seen."""
        leading = CreatedAt(LEADER, self.term)
        for key in keys:
            if revision := self._store.commit([Delete(key)], leading, self._unchanged(key)):
                self._cache.expect(revision)
                log.info("%s deleted at revision %d: it has served", key, revision)

    def _detect_failures(self) -> None:
        state = self._state
        placed = {
            machine
            for unit, machines in state.schedule.items()
            if not state.is_wanted_globally(unit)
            for machine, assignment in machines.items()
            if is_to_run(assignment) and not assignment.completed
        }
        # Nobody misses a machine that was emptied before it went.
        emptied = {on for on, one in state.eligibility.items() if one.draining} - placed
        before = self._failures.too_many
        self._failures.look(state.machines.keys(), placed, emptied)
        if self._failures.too_many and not before:
            log.error(
                "%d of %d machines are missing at once: moving nothing until more are back: %s",
                len(self._failures.missing),
                len(self._failures.missing | state.machines.keys()),
                ", ".join(sorted(self._failures.missing)),
            )
        elif before and not self._failures.too_many:
            log.info("most machines are back: units of missing machines may be moved again")

    def _transactions(
        self, changes: Iterable[Instruction]
    ) -> Iterator[tuple[list[Operation], list[Condition], list[Instruction]]]:
        """The changes in transactions that etcd accepts, each with what it depends on."""
        leading = CreatedAt(LEADER, self.term)
        operations: list[Operation] = []
        conditions: dict[str, Condition] = {LEADER: leading}
        done: list[Instruction] = []
        for change in changes:
            needed = {key: self._unchanged(key) for key in _keys_behind(change)}
            full = len(operations) == MAX_OPERATIONS
            if full or len(conditions.keys() | needed.keys()) > MAX_OPERATIONS:
                yield operations, list(conditions.values()), done
                operations, conditions, done = [], {LEADER: leading}, []
            operations.append(self._operation(change))
            conditions.update(needed)
            done.append(change)
        if operations:
            yield operations, list(conditions.values()), done

    def _operation(self, change: Instruction) -> Operation:
        key, assignment = schedule_key(change.machine, change.unit), change.assignment
        if assignment is None:
            return Delete(key)
        now, ago = self._wall_clock(), self._failures.ago(assignment.origin)
        lost_at = 0.0 if ago is None else now - ago
        return Put(key, replace(assignment, decided_at=now, lost_at=lost_at).to_json())

    def _unchanged(self, key: str) -> Unchanged:
        return Unchanged(key, self._state.mod_revision(key))


def _keys_behind(change: Instruction) -> tuple[str, ...]:
    return (
        unit_key(change.unit),
        machine_key(change.machine),
        eligibility_key(change.machine),
    )


def _kind(change: Instruction) -> str:
    if change.assignment is None:
        return "forgotten"
    return "assigned" if is_to_run(change.assignment) else "withdrawn"


def _log(change: Instruction, revision: int) -> None:
    given = change.assignment and is_to_run(change.assignment)
    verb = "assigned to" if given else "withdrawn from"
    log.info(
        "%s %s %s at revision %d: %s",
        change.unit,
        verb,
        change.machine,
        revision,
        change.reason,
        extra=about(_kind(change), change.unit, change.machine, revision),
    )
