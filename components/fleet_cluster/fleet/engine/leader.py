"""The leader's part of the control loop: one fleetd at a time writes `schedule/`.

Every transaction also compares the create revision of the leader's key, and the revisions of the
units, machines and marks that it decided on: what has changed meanwhile is decided again.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ..coordination import debounce
from ..coordination.debounce import Debounce
from ..coordination.lease import Lease
from ..coordination.watch_cache import WatchCache
from ..journal_log import about
from ..kv import KV, MAX_OPERATIONS, Condition, CreatedAt, Delete, Operation, Put, Unchanged
from ..model.keys import LEADER, ROOT, UNITS, eligibility_key, machine_key, schedule_key, unit_key
from ..model.records import DesiredState
from .cluster_state import ClusterState
from .failure_detector import FailureDetector
from .reconciler import Instruction, Situation, decide, wanted_units

log = logging.getLogger(__name__)

FORGET_SECONDS = 10 * 60.0
"""For this long a lost machine that comes back finds its global units still assigned."""


class Leader:
    """One term of leadership. Runs in the loop's thread."""

    def __init__(
        self,
        term: int,
        store: KV,
        session: Lease,
        clock: Callable[[], float],
        wake: Callable[[], None],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`term`: the create revision of the leader's key; `wall_clock`: seconds since 1970."""
        self.term = term
        self._wall_clock = wall_clock
        self.count: Callable[[Iterable[str]], None] = lambda _kinds: None
        """Told what kind of changes were written."""
        self.uncertain = False
        """Whether something was written that may still be done: the term has to end."""
        self._store = store
        self._session = session
        self._mirror = WatchCache(store, ROOT, wake)
        self._picture = ClusterState()
        self._losses = FailureDetector(clock, session.ttl)
        self._burst = Debounce()
        self._dirty = True
        self._open = True

    def close(self) -> None:
        """End the watch."""
        self._mirror.close()

    def reconcile(self, shaken: bool, full: bool) -> float:
        """Write what the schedule needs now.

        Args:
            shaken: the store turned out to be another one: units that seem to run nowhere wait
                until every machine has had time to report.
            full: decide even if nothing has changed.

        Returns:
            After how many seconds to look again though nothing has changed; 0 if not needed.
        """
        changed = self._mirror.refresh()
        self._dirty |= self._picture.update(changed, self._mirror.entries) or full
        if not self._mirror.settled:
            return 0.0
        if self._burst.goes_on(sum(key.startswith(UNITS) for key in changed)):
            return debounce.SECONDS
        # States alone change nothing, unless something waits for them.
        if not (self._dirty or self._open or self._picture.held):
            return 0.0
        blind_for = max(0.0, self._session.ttl - self._session.connected_for())
        self._open = not self._schedule(blind_for > 0, shaken)
        self._dirty = False
        return blind_for

    def _schedule(self, blind: bool, shaken: bool) -> bool:
        """Decide and write. Whether nothing is left to do."""
        situation = self._situation()
        self._watch_losses(situation)
        careful = replace(
            situation,
            keep_lost=blind or self._losses.too_many,
            keep_homeless=blind and shaken,
            forgotten=self._forgotten(situation, blind),
        )
        decision = decide(careful)
        for operations, conditions, changes in self._transactions(decision.changes):
            self.uncertain = True  # Until it is known what has happened.
            revision = self._store.commit(operations, *conditions)
            self.uncertain = False
            if not revision:
                log.info("the cluster changed while it was scheduled, deciding again")
                return False
            self._mirror.expect(revision)
            self.count(map(_kind, changes))
            for change in changes:
                _log(change, revision)
        self._delete(decision.obsolete)
        if not careful.keep_lost:
            self._losses.settle(self._losses.missing)
        told = any(
            assignment.desired_state is DesiredState.INACTIVE and machine in situation.machines
            for (machine, _), assignment in situation.schedule.items()
        )
        return not (decision.changes or decision.waiting or decision.obsolete or told or blind)

    def _forgotten(self, situation: Situation, blind: bool) -> frozenset[str]:
        """The machines that nothing is kept for: lost for long, or removed for good."""
        removed = {machine for machine, mark in situation.marks.items() if mark.removed}
        gone = frozenset[str]() if blind else removed - situation.machines.keys()
        return self._losses.longer_than(FORGET_SECONDS) | gone

    def _delete(self, keys: Iterable[str]) -> None:
        """Delete records that have served, each if it is still the one that was seen."""
        leading = CreatedAt(LEADER, self.term)
        for key in keys:
            if revision := self._store.commit([Delete(key)], leading, self._unchanged(key)):
                self._mirror.expect(revision)
                log.info("%s deleted at revision %d: it has served", key, revision)

    def _situation(self) -> Situation:
        picture = self._picture
        picture.forget_requirements()
        requirements = {
            name: asked
            for name in wanted_units(picture.units)
            if (asked := picture.requirements(name)) is not None
        }
        return Situation(
            picture.units,
            requirements,
            picture.machines,
            picture.schedule,
            picture.states,
            marks=picture.marks,
            moves=picture.moves,
            metadata=picture.metadata.keys(),
        )

    def _watch_losses(self, situation: Situation) -> None:
        placed = {
            machine
            for (machine, unit), assignment in situation.schedule.items()
            if assignment.desired_state is not DesiredState.INACTIVE
            and not assignment.completed
            and not (unit in situation.requirements and situation.requirements[unit].is_global)
        }
        # Nobody misses a machine that was emptied before it went.
        emptied = {on for on, mark in situation.marks.items() if mark.draining} - placed
        before = self._losses.too_many
        self._losses.look(situation.machines.keys(), placed, emptied)
        if self._losses.too_many and not before:
            log.error(
                "%d of %d machines are missing at once: moving nothing until more are back: %s",
                len(self._losses.missing),
                len(self._losses.missing | situation.machines.keys()),
                ", ".join(sorted(self._losses.missing)),
            )
        elif before and not self._losses.too_many:
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
        key, told = schedule_key(change.machine, change.unit), change.assignment
        if told is None:
            return Delete(key)
        now, ago = self._wall_clock(), self._losses.ago(told.origin)
        lost_at = 0.0 if ago is None else now - ago
        return Put(key, replace(told, decided_at=now, lost_at=lost_at).to_json())

    def _unchanged(self, key: str) -> Unchanged:
        entry = self._mirror.entries.get(key)
        return Unchanged(key, entry.mod_revision if entry else 0)


def _keys_behind(change: Instruction) -> tuple[str, ...]:
    return unit_key(change.unit), machine_key(change.machine), eligibility_key(change.machine)


def _kind(change: Instruction) -> str:
    if change.assignment is None:
        return "forgotten"
    return "withdrawn" if change.assignment.desired_state is DesiredState.INACTIVE else "assigned"


def _log(change: Instruction, revision: int) -> None:
    given = change.assignment and change.assignment.desired_state is not DesiredState.INACTIVE
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
