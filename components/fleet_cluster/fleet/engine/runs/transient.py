"""Transient units, as the leader sees to them: they go when their run is over. Pure.

Its record, its file and its release go in one transaction; the machine is told to remove the unit
as with any that is gone. Of what was run, only the last runs stay.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ...cluster_state.runs import report_of, runs_by_unit
from ...cluster_state.state import ClusterState
from ...model.keys import RELEASES, file_key, machine_key, run_key, run_report_key, unit_key
from ...model.record import Record
from ...model.records import TRANSIENT, DesiredState, Unit
from ...model.runs import MISSED, Run, RunState
from ..reboot_queue import Step

KEPT = 50
"""Of so many transient units that are gone the runs are kept: those that have ended last.

All of each, or a run on many machines would lose some before they are told.
"""


def cleanup(state: ClusterState, keep_lost: bool = False) -> Iterator[Step]:
    """What is to be removed now: no two steps concern the same keys.

    `keep_lost`: see `Timers.steps`.
    """
    runs = runs_by_unit(state)
    for name, unit in state.units.items():
        if unit.owner == TRANSIENT and _has_served(unit, runs.get(name, ())):
            yield _gone(name, unit.sha, state)
    for id, run in state.runs.items():
        if why := _obstacle(id, run, state, keep_lost):
            yield _missed(id, run, why)
    yield from _older(runs, state)


def _has_served(unit: Unit, runs: Iterable[RunState]) -> bool:
    """Whether nothing more comes of a unit; one without runs may still be handed out."""
    own = [one for one in runs if one.by]
    is_begun = own or unit.desired_state is DesiredState.INACTIVE
    return bool(is_begun) and all(one.is_over for one in own)


def _gone(name: str, sha: str, state: ClusterState) -> Step:
    keys = [unit_key(name), file_key(sha)]
    keys += [RELEASES + id for id in state.releases if id.rpartition("/")[0] == name]
    return Step(dict[str, Record | None].fromkeys(keys), f"{name} goes: its run is over")


def _obstacle(id: str, run: Run, state: ClusterState, keep_lost: bool) -> str:
    """Why a run that was not taken is not run at all; empty when it may be, or was."""
    if not run.by or not run.machine or run.outcome or report_of(id, run, state):
        return ""
    unit = state.units.get(id.rpartition("/")[0])
    if unit is None or unit.desired_state is DesiredState.INACTIVE:
        return "it was stopped before"
    is_lost = run.machine not in state.machines and not keep_lost
    return f"{run.machine} was lost before" if is_lost else ""


def _missed(id: str, run: Run, why: str) -> Step:
    unit, _, number = id.rpartition("/")
    seen = machine_key(run.machine), run_report_key(run.machine, unit, number), unit_key(unit)
    missed = {run_key(unit, number): replace(run, outcome=MISSED)}
    return Step(missed, f"{id} is not run: {why}", run.machine, seen)


def _older(runs: Mapping[str, list[RunState]], state: ClusterState) -> Iterator[Step]:
    gone = {
        name: [one for one in own if one.by]
        for name, own in runs.items()
        if name not in state.units
    }
    ends = {name: max(map(_end, own)) for name, own in gone.items() if own}
    for name in sorted(ends, key=lambda name: ends[name], reverse=True)[KEPT:]:
        for one in gone[name]:
            id = f"{name}/{one.id}"
            keys = [run_report_key(on, name, one.id) for on in state.run_reports.get(id, ())]
            records = dict[str, Record | None].fromkeys([run_key(name, one.id), *keys])
            yield Step(records, f"{id} is not kept")


def _end(run: RunState) -> float:
    """When a run ended; where nobody knows, when it was asked for."""
    return max(run.ended, run.requested_at)
