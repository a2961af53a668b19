"""The leader's part of the control loop: one fleetd at a time writes `schedule/`.

Every transaction also compares the create revision of the leader's key, and the revisions of the
units, machines and marks that it decided on: what has changed meanwhile is decided again.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
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
    batches,
)
from ..model.keys import (
    INTERNAL,
    LEADER,
    ROOT,
    RUN_REPORTS,
    RUNS,
    STATES,
    TIMERS,
    UNITS,
)
from ..model.records import Assignment
from ..secrets.age import NoSealer, Sealer
from .decision_log import kind_of, log_instruction, log_names
from .deliveries import Deliveries, needed, obsolete
from .failure_detector import FailureDetector
from .reboot_queue import Step
from .reboot_quorum import AskMembers, no_members
from .reboots import Reboots, writes
from .reconciler import Caution, decide
from .runs.calendar import Elapses, ask_systemd
from .runs.timers import Timers
from .runs.transient import cleanup
from .service_names import ServiceNames
from .transactions import transactions

log = logging.getLogger(__name__)

FORGET_SECONDS = 10 * 60.0
"""For this long a lost machine that comes back finds its global units still assigned."""


PASSING = frozenset({STATES, RUNS, RUN_REPORTS, TIMERS, INTERNAL})
"""What changes nothing about where units belong."""
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
        elapses: Elapses = ask_systemd,
        sealer: Sealer | None = None,
    ) -> None:
        """`term`: the create revision of the leader's key; `wall_clock`: seconds since 1970."""
        self.term = term
        self._wall_clock = wall_clock
        self.count: Callable[[Iterable[str]], None] = lambda _kinds: None
        """Told what kind of changes were written."""
        self.uncertain = False
        """Whether something was written that may still be done: the term has to end."""
        self.unplaced = 0
        """How many units fit on no machine."""
        self._store = store
        self._lease = lease
        self._cache = WatchCache(store, ROOT, wake)
        self._state = ClusterState(log.error)
        self._failures = FailureDetector(clock, lease.ttl)
        self.deliveries = Deliveries(sealer or NoSealer(), self._commit_as_leader, clock)
        self._reboots = Reboots(clock, wall_clock, ask_members, reboot_window)
        self._timers = Timers(wall_clock, elapses)
        self._names = ServiceNames()
        self._are_names_due = True
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
        self._are_names_due |= bool(changed) or full
        if not self._cache.settled:
            return 0.0
        if self._debounce.goes_on(sum(key.startswith(UNITS) for key in changed)):
            return debounce.SECONDS
        if self._are_names_due and self._give_names():
            return 0.0  # What is up where it moves to is found there before it stops here.
        disconnected_for = self._lease.steady_in()
        # States alone change nothing, unless something waits for them.
        if self._dirty or self._open or self._state.orphans:
            self._open = not self._schedule(disconnected_for > 0, identity_changed)
            self._dirty = False
            if disconnected_for:
                return disconnected_for
        if disconnected_for:
            return 0.0
        if self._are_names_due:
            self._end_names()
        due = self._reboot(), self._elapse(), self.deliveries.seconds
        return min(filter(None, due), default=0.0)

    def _reboot(self) -> float:
        """Do what is next of a reboot, once the schedule shows what was written last."""
        if not self._cache.settled:
            return 0.0
        step = self._reboots.next_step(self._state, settled=not self._open)
        if step is None:
            return REBOOT_LOOK_SECONDS if self._reboots.has_work(self._state) else 0.0
        self._write(step, "reboot")
        return 0.0

    def _elapse(self) -> float:
        """Do what is next of timers with `Once=true`, and of runs."""
        if not self._cache.settled:
            return 0.0
        given = self._state, self._failures.too_many
        for step in [*self._timers.steps(*given), *cleanup(*given)]:
            self._write(step, "run")
        return self._timers.seconds(self._state)

    def _write(self, step: Step, event: str) -> None:
        conditions = [self._unchanged(key) for key in (*step.records, *step.seen)]
        revision = self._commit(writes(step), [CreatedAt(LEADER, self.term), *conditions])
        if revision:
            self._cache.expect(revision)
            what = about(event, machine=step.machine, revision=revision)
            log.info("%s: %s", step.machine or event, step.said, extra=what)

    def _takes_in(self, changed: Collection[str]) -> bool:
        """Decode what has changed. Whether that may change what is to be decided.

        States and runs do not, but for the end of a unit that has done its work.
        """
        prefixes = self._state.update(changed, self._cache.entries, self._cache.revision)
        self._names.note(changed, self._cache.entries)
        return bool(prefixes - PASSING) or self._state.completions(changed)

    def _schedule(self, disconnected: bool, identity_changed: bool) -> bool:
        """Decide and write. Whether nothing is left to do."""
        self._detect_failures()
        caution = Caution(
            keep_lost=disconnected or self._failures.too_many,
            keep_unplaced=disconnected and identity_changed,
            forgotten=self._forgotten(disconnected),
        )
        decision = decide(self._state, caution)
        self.unplaced = decision.unplaced
        wanted = needed(self._state, decision)
        possible, delivered = self.deliveries.deliver(self._state, decision, wanted)
        if delivered:
            self._cache.expect(delivered)
        leading = CreatedAt(LEADER, self.term)
        for operations, conditions, changes in transactions(
            possible, self._state, leading, self._dated
        ):
            revision = self._commit(operations, conditions)
            if not revision:
                log.info("the cluster changed while it was scheduled, deciding again")
                return False
            self._cache.expect(revision)
            self.count(map(kind_of, changes))
            for change in changes:
                log_instruction(change, revision)
        self._delete([*decision.obsolete, *obsolete(self._state, wanted)])
        if not caution.keep_lost:
            self._failures.settle(self._failures.missing)
        is_busy = possible or decision.waiting or decision.obsolete or self._is_stopping()
        return not (is_busy or disconnected or self.deliveries.seconds)

    def _give_names(self) -> bool:
        """Write the names of what is up. Whether there were any."""
        missing = self._names.missing(self._state)
        for names in batches(missing, MAX_OPERATIONS // 4):
            puts = [Put(name.key, name.record.to_json()) for name in names]
            because = dict.fromkeys(key for name in names for key in name.because_of)
            leading = CreatedAt(LEADER, self.term)
            if revision := self._commit(puts, [leading, *map(self._unchanged, because)]):
                self._cache.expect(revision)
                log_names(names, revision)
        return bool(missing)

    def _end_names(self) -> None:
        """Delete the names of what is no longer up, unless too much is gone to believe it."""
        if not self._failures.too_many:
            self._delete(self._names.obsolete(self._state))
            self._are_names_due = False

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

    def _commit_as_leader(
        self, operations: Sequence[Operation], conditions: Sequence[Condition]
    ) -> int:
        return self._commit(operations, [CreatedAt(LEADER, self.term), *conditions])

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

    def _dated(self, assignment: Assignment) -> Assignment:
        """The assignment with when it is decided, and when its unit's machine was lost."""
        now, ago = self._wall_clock(), self._failures.ago(assignment.origin)
        return replace(assignment, decided_at=now, lost_at=0.0 if ago is None else now - ago)

    def _unchanged(self, key: str) -> Unchanged:
        return Unchanged(key, self._state.mod_revision(key))
