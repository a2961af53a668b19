"""Runs of units, each of its two records: what is told of it, the newest first (pure)."""

from collections.abc import Iterator, Mapping

from ..model.keys import CLUSTER
from ..model.record import BadRecordError
from ..model.records import Cluster
from ..model.runs import Run, RunReport, RunState, run_state
from .state import ClusterState


def runs_of(unit: str, state: ClusterState) -> list[RunState]:
    """The last runs of a unit, the newest first."""
    return sorted(_runs(state, unit), key=_age, reverse=True)


def runs_by_unit(state: ClusterState) -> Mapping[str, list[RunState]]:
    """The last runs of every unit, the newest first."""
    found: dict[str, list[RunState]] = {}
    for one in sorted(_runs(state), key=_age, reverse=True):
        found.setdefault(one.unit, []).append(one)
    return found


def report_of(id: str, run: Run, state: ClusterState) -> RunReport | None:
    """What the machine that has a run tells of it. `id`: of unit and run."""
    return state.run_reports.get(id, {}).get(run.machine)


def data_id(state: ClusterState) -> str:
    """The id of etcd's data, which a run is of; empty where nothing says it."""
    entry = state.entries.get(CLUSTER)
    try:
        return Cluster.from_json(entry.value).id if entry else ""
    except BadRecordError:
        return ""


def _runs(state: ClusterState, of: str = "") -> Iterator[RunState]:
    for id, run in state.runs.items():
        unit, _, number = id.rpartition("/")
        if unit and of in ("", unit):
            yield run_state(unit, number, run, report_of(id, run, state))


def _age(run: RunState) -> tuple[float, float, str]:
    return run.due or run.requested_at, run.requested_at, run.id
