"""The status manager: reports the states of this machine's units into etcd, as they change."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from ..kv import KV, MAX_OPERATIONS, Delete, KeyValue, Operation, Put, Unchanged, batches
from ..model.keys import STATES, schedule_key, split_key, state_key
from ..model.records import UnitState
from ..systemd.manager import UNKNOWN, Systemd
from .actions import Action
from .checkpoint import Checkpoint, LocalUnit
from .problems import Problems
from .rate_limit import RateLimit
from .start_results import StartResults
from .state import AgentState


@dataclass(frozen=True)
class _Reported:
    """A state in the store: what it says, empty if another lease's, and its last change."""

    value: str
    revision: int


_UNREPORTED = _Reported("", 0)


class StatusManager:
    """A status manager compares states with those it has reported, and writes what differs."""

    def __init__(
        self,
        machine: str,
        store: KV,
        systemd: Systemd,
        checkpoint: Checkpoint,
        problems: Problems,
        clock: Callable[[], float],
    ) -> None:
        """`machine`: this machine's id; `clock`: seconds, which never go back."""
        self._machine = machine
        self._store = store
        self._checkpoint = checkpoint
        self._problems = problems
        self._start_results = StartResults(systemd)
        self._rate_limit = RateLimit(clock)
        self._lease = 0
        self._reported: dict[str, _Reported] | None = None

    @property
    def is_behind(self) -> bool:
        """Whether it is not known what the store has: a report was refused, or begins anew."""
        return self._reported is None

    @property
    def flapping(self) -> int:
        """How many units restart so often that not each of their states is reported."""
        return self._rate_limit.flapping

    def held_back_for(self) -> float:
        """For how many seconds some report is held back; 0 if none is."""
        return self._rate_limit.left()

    def resync(self) -> None:
        """Read again what is reported, before the next report."""
        self._reported = None

    def report(self, lease: int, state: AgentState) -> bool:
        """Write the states that changed. False when an assignment was withdrawn meanwhile.

        A unit's first state is written before its file, and only if it is still assigned: so
        the leader, once it has withdrawn an assignment, sees whether the unit may be here.
        """
        if not lease:
            return True
        reported = self._known(lease)
        self._start_results.refresh(self._checkpoint.units, state.statuses)
        self._rate_limit.keep(state.present)
        values = {name: self._passed(state, name).to_json() for name in state.present}
        differing = self._differing(state, reported, values)
        return all(
            self._write(lease, batch, values, state)
            for batch in batches(differing, MAX_OPERATIONS // 2)
        )

    def _known(self, lease: int) -> Mapping[str, _Reported]:
        """What is reported already."""
        if self._reported is None or lease != self._lease:
            self._lease, self._reported = lease, self._read(lease)
        return self._reported

    def _read(self, lease: int) -> dict[str, _Reported]:
        entries = self._store.read(f"{STATES}{self._machine}/").entries
        return {
            split_key(key, STATES)[1]: _Reported(_value(entry, lease), entry.mod_revision)
            for key, entry in entries.items()
        }

    def _differing(
        self, state: AgentState, reported: Mapping[str, _Reported], values: Mapping[str, str]
    ) -> list[str]:
        """The units whose states are to be deleted, then those whose states are to be written."""
        before = {name: one.value for name, one in reported.items()}
        passing = {name for name in self._about_to_start(state) if before.get(name)}
        gone = sorted(reported.keys() - values.keys() - state.unreadable)
        changed = [name for name in sorted(values) if before.get(name) != values[name]]
        return gone + [name for name in changed if name not in passing]

    def _about_to_start(self, state: AgentState) -> Set[str]:
        """Units that have another state in a moment."""
        return {
            name
            for name in state.actions[Action.START]
            if not self._problems.blocks(name, state.assignments[name])
        }

    def _passed(self, state: AgentState, name: str) -> UnitState:
        return self._rate_limit.passed(name, self._unit_state(state, name))

    def _unit_state(self, state: AgentState, name: str) -> UnitState:
        unit, status = self._checkpoint.units.get(name), state.status(name)
        if unit is None:
            # Whatever systemd has of this name is not the unit that is meant.
            unit, status = LocalUnit.new(state.assignments[name]), UNKNOWN
        return UnitState(
            load=status.load,
            active=status.active,
            sub=status.sub,
            sha=unit.sha,
            since=status.since,
            orphan=not unit.revision,
            problem=self._problems.reason(name),
            journal=self._start_results.journal(name),
            start_requested_at=unit.start_requested_at,
            job=self._start_results.job(name, unit, status),
            reason=self._start_results.reason(name),
        )

    def _write(
        self, lease: int, names: list[str], values: Mapping[str, str], state: AgentState
    ) -> bool:
        """Write some states, each in the place of the one that was read.

        A commit that seemed to fail may still be done, late: it must not undo this one.
        """
        reported = self._known(lease)
        conditions = [one for name in names for one in self._conditions(name, reported, state)]
        self._reported = None  # Until it is certain what has happened.
        operations = [self._operation(lease, name, values) for name in names]
        revision = self._store.commit(operations, *conditions)
        if revision:
            kept = {name: one for name, one in reported.items() if name not in names}
            written = {n: _Reported(values[n], revision) for n in names if n in values}
            self._reported = kept | written
        return bool(revision)

    def _operation(self, lease: int, name: str, values: Mapping[str, str]) -> Operation:
        key = state_key(self._machine, name)
        return Put(key, values[name], lease) if name in values else Delete(key)

    def _conditions(
        self, name: str, reported: Mapping[str, _Reported], state: AgentState
    ) -> list[Unchanged]:
        """The state is as it was read; for a first one, the assignment too."""
        before = reported.get(name, _UNREPORTED)
        conditions = [Unchanged(state_key(self._machine, name), before.revision)]
        if name in state.assignments and not before.value:
            revision = state.assignments[name].revision
            conditions.append(Unchanged(schedule_key(self._machine, name), revision))
        return conditions


def _value(entry: KeyValue, lease: int) -> str:
    return entry.value if entry.lease == lease else ""
