"""States of clusters, made of records as they are in etcd."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from fleet_cluster.fleet.cluster_state.decoder import Place
from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.engine.reconciler import Caution, Decision, decide
from fleet_cluster.fleet.kv import KeyValue, Snapshot
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.record import Record
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    MachineState,
    Move,
    Unit,
    UnitState,
)

Records = Mapping[str, Record | str]
"""By key; a text is the value as it is."""


def entries(records: Records) -> dict[str, KeyValue]:
    """Records as etcd has them."""
    values = {
        key: record if isinstance(record, str) else record.to_json()
        for key, record in records.items()
    }
    return {key: KeyValue(key, value, 1, 1) for key, value in values.items()}


def state_of(records: Records) -> ClusterState:
    return ClusterState.of(Snapshot(1, entries(records)))


@dataclass(frozen=True)
class Situation:
    """Records of a cluster, and how careful its leader is. Each unit's file may be called "new"."""

    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    """The units' files; unless `units` says otherwise, they are to run."""
    units: Mapping[str, Unit] = field(default_factory=dict[str, Unit])
    machines: str = "a b"
    schedule: Mapping[Place, Assignment] = field(default_factory=dict[Place, Assignment])
    states: Mapping[Place, UnitState] = field(default_factory=dict[Place, UnitState])
    eligibility: Mapping[str, Eligibility] = field(default_factory=dict[str, Eligibility])
    moves: Mapping[str, Move] = field(default_factory=dict[str, Move])
    metadata: str = ""
    """The machines that were given metadata."""
    keep_lost: bool = False
    keep_unplaced: bool = False
    forgotten: frozenset[str] = frozenset()

    def records(self) -> dict[str, Record | str]:
        units = {name: Unit("new", DesiredState.LAUNCHED) for name in self.texts}
        units = {name: _own(name, unit) for name, unit in {**units, **self.units}.items()}
        return {
            **{keys.unit_key(name): unit for name, unit in units.items()},
            **{keys.file_key(f"new {name}"): text for name, text in self.texts.items()},
            **machine_records(*self.machines.split()),
            **{keys.schedule_key(*at): _own(at[1], one) for at, one in self.schedule.items()},
            **{keys.state_key(*at): _own(at[1], one) for at, one in self.states.items()},
            **{keys.eligibility_key(id): one for id, one in self.eligibility.items()},
            **{keys.move_key(name): move for name, move in self.moves.items()},
            **{keys.metadata_key(id): "{}" for id in self.metadata},
        }

    def decide(self) -> Decision:
        caution = Caution(self.keep_lost, self.keep_unplaced, self.forgotten)
        return decide(state_of(self.records()), caution)

    def changes(self) -> dict[Place, Assignment | None]:
        """What the leader writes to `schedule/`."""
        return {
            (one.machine, one.unit): one.assignment
            and replace(one.assignment, sha=one.assignment.sha.split()[0])
            for one in self.decide().changes
        }


T = TypeVar("T", Unit, Assignment, UnitState)


def _own(name: str, record: T) -> T:
    """The record with a file of this unit's own: in etcd, the same SHA-256 is the same text."""
    if isinstance(record, Unit):
        retained = {on: f"{sha} {name}" for on, sha in record.retained_files.items()}
        record = replace(record, retained_files=retained)
    return replace(record, sha=f"{record.sha} {name}")


def machine_records(*ids: str) -> dict[str, Record | str]:
    machines = (MachineState(id, f"10.0.0.{id}", id, {"name": id}) for id in ids)
    return {keys.machine_key(one.id): one for one in machines}
