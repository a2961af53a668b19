"""This machine in etcd: what it waits for before the next one is touched."""

from collections.abc import Callable, Mapping
from threading import Event
from time import monotonic
from typing import TypeVar

from ...cluster_state.placement import SERVING, is_to_run
from ...cluster_state.state import ClusterState
from ...coordination.watch_cache import WatchCache
from ...kv import KV, KeyValue
from ...model.keys import (
    DUPLICATES,
    ROOT,
    SCHEDULE,
    STATES,
    address_key,
    duplicate_key,
    machine_key,
    split_key,
)
from ...model.record import BadRecordError, Record
from ...model.records import JOB_PENDING, Assignment, DesiredState, MachineState, UnitState
from ..shell import StepError

T = TypeVar("T")
Read = TypeVar("Read", bound=Record)

LOOK_SECONDS = 5.0
"""For so long the leader is left to itself before it is looked again what it is to decide."""


class OwnMachine:
    """This machine as etcd has it: of the others nothing is asked, however many they are."""

    def __init__(self, id: str, address: str, store: KV) -> None:
        """Looks which machine had the address; it may be this one.

        Raises:
            KVUnavailableError: etcd does not answer; this or any other method.
        """
        self._id = id
        self._address = address
        self._store = store
        self._changed = Event()
        key = address_key(address)
        owner = store.get([key]).entries.get(key)
        self._predecessor = self._follow(SCHEDULE, owner.value if owner else id)
        self._schedule = self._follow(SCHEDULE, id)
        self._states = self._follow(STATES, id)
        self._duplicates = self._follow(DUPLICATES, id)

    def _follow(self, kind: str, machine: str) -> WatchCache:
        return WatchCache(self._store, f"{kind}{machine}/", self._changed.set)

    def wait(self, asked: Callable[[], T], seconds: float) -> T:
        """Ask whenever something has changed, until nothing is said: what was said last."""
        end = monotonic() + seconds
        while (said := asked()) and (left := end - monotonic()) > 0:
            self._changed.wait(min(left, LOOK_SECONDS))
            self._changed.clear()
        return said

    def refuse_duplicate(self, seconds: float) -> None:
        """Refuse this machine if another address has its id.

        With a new address it is its own duplicate until its old lease has ended, in `seconds`.

        Raises:
            StepError: that is so.
        """
        if why := self.wait(self._duplicate, seconds):
            raise StepError(why)

    def _duplicate(self) -> str:
        """Why this machine is not to be one of the cluster; empty when it is."""
        self._duplicates.refresh()
        if duplicate_key(self._id, self._address) not in self._duplicates.entries:
            return ""
        key = machine_key(self._id)
        other = _read(MachineState, self._store.get([key]).entries.get(key))
        return (
            f"{self._address} has the machine id {self._id}, which "
            f"{other.address if other else 'another machine'} has too, so it runs nothing new. "
            "Give it one of its own (remove /etc/machine-id, systemd-machine-id-setup, reboot), "
            "or make it anew; then pulumi up"
        )

    def waiting(self) -> list[str]:
        """Units on their way here, or away from the machine that had this one's address."""
        self._schedule.refresh()
        self._states.refresh()
        assignments = _records(Assignment, self._schedule, SCHEDULE)
        states = _records(UnitState, self._states, STATES)
        found = {*on_the_way(assignments, states), *self._left_behind()}
        return sorted(found if self._schedule.entries else found | self._expected())

    def _left_behind(self) -> set[str]:
        """Units that the leader has not yet taken from a machine that is gone."""
        if self._predecessor.prefix == self._schedule.prefix:
            return set()
        self._predecessor.refresh()
        assignments = _records(Assignment, self._predecessor, SCHEDULE)
        return {unit for unit, one in assignments.items() if is_to_run(one)}

    def _expected(self) -> set[str]:
        """Units that the leader is about to give to a machine that has none yet.

        Of that alone nothing tells but the whole state, so a new machine looks at it once.
        """
        plan = ClusterState.of(self._store.read(ROOT)).plan()
        alone = {unit for unit, machine in plan.placements.items() if machine == self._id}
        return alone | {
            unit for unit, machines in plan.global_placements.items() if self._id in machines
        }


def on_the_way(assignments: Mapping[str, Assignment], states: Mapping[str, UnitState]) -> list[str]:
    """Units that a machine is to run and does not yet, by its assignments and its reports.

    What has failed, what has ended or was skipped after it was started, and what the machine
    cannot start, is not on its way.
    """
    return sorted(
        unit
        for unit, one in assignments.items()
        if one.desired_state is DesiredState.LAUNCHED
        and not one.completed
        and not _is_settled(one, states.get(unit))
    )


def _is_settled(assignment: Assignment, state: UnitState | None) -> bool:
    if state is None:
        return False
    if state.problem:
        return True
    if state.sha != assignment.sha or state.job == JOB_PENDING:
        return False
    was_started = state.active == "inactive" and state.start_requested_at > 0
    return state.active in (*SERVING, "failed") or was_started


def _records(kind: type[Read], cache: WatchCache, prefix: str) -> dict[str, Read]:
    """Records by unit; fleetd tells of one that is not readable."""
    found = {split_key(key, prefix)[1]: _read(kind, one) for key, one in cache.entries.items()}
    return {unit: record for unit, record in found.items() if record}


def _read(kind: type[Read], entry: KeyValue | None) -> Read | None:
    try:
        return kind.from_json(entry.value) if entry else None
    except BadRecordError:
        return None
