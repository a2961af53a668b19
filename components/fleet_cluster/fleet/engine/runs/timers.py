"""Timers with `Once=true`, and runs, as the leader sees to them: step by step.

The leader is the clock: it hands each elapse to the machine where the timer is, and what a lost
machine had not taken to the next one. A machine takes a run by creating its report; whoever comes
later in that race, machine or leader, is refused by etcd.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

from ...cluster_state.runs import data_id, report_of, runs_by_unit
from ...cluster_state.state import ClusterState
from ...journal_log import about
from ...model.keys import (
    machine_key,
    run_key,
    run_report_key,
    schedule_key,
    timer_key,
    unit_key,
)
from ...model.record import Record
from ...model.records import DesiredState
from ...model.runs import LOST, MISSED, Run, RunState
from ...unitfiles.triggers import schedule_of
from ..reboot_queue import Step
from .calendar import CalendarError, Calendars, Elapses
from .elapses import Elapsed, TimerState, next_elapse, stopped

log = logging.getLogger(__name__)

KEPT = 20
"""So many runs of what a timer starts are kept."""
AGAIN_SECONDS = 30.0
"""After so long a calendar is asked for again that systemd did not tell of."""


class Timers:
    """Timers in one term of leadership."""

    def __init__(self, wall_clock: Callable[[], float], elapses: Elapses) -> None:
        """`wall_clock`: seconds since 1970, in which calendars are."""
        self._wall_clock = wall_clock
        self._calendars = Calendars(elapses)
        self._runs: dict[str, list[RunState]] = {}
        self._faults: dict[str, str] = {}
        self._asked_at: dict[str, float] = {}

    def steps(self, state: ClusterState, keep_lost: bool = False) -> Iterator[Step]:
        """What is next of each timer and each run: no two of them concern the same keys.

        `keep_lost`: so many machines are missing at once that their runs may well go on.
        """
        if not (state.timers or state.runs or state.run_reports or _once(state)):
            return
        self._runs = dict(runs_by_unit(state))
        data = data_id(state)
        yield from self._open_runs(state, data, keep_lost)
        yield from self._obsolete(state)
        for name in sorted({*_once(state), *state.timers}):
            if step := self._timer(name, state, data):
                yield step

    def seconds(self, state: ClusterState) -> float:
        """After how many seconds the next elapse is; 0 when there is none."""
        now = self._wall_clock()
        due = [one.next - now for one in state.timers.values() if one.next > now]
        is_waiting = any(0 < one.next <= now for one in state.timers.values())
        due += [AGAIN_SECONDS] * bool(self._faults or is_waiting)
        return min(due, default=0.0)

    def _timer(self, name: str, state: ClusterState, data: str) -> Step | None:
        timer, unit = state.timers.get(name), state.units.get(name)
        if unit is None:
            return Step({timer_key(name): None}, f"{name} is gone")
        if not state.is_once(name) or unit.desired_state is not DesiredState.LAUNCHED:
            record = stopped(timer)
            return Step({timer_key(name): record}, f"{name} is stopped") if record else None
        elapsed = self._elapsed(name, state, data)
        if elapsed is None:
            return None
        return _step(name, elapsed, state)

    def _elapsed(self, name: str, state: ClusterState, data: str) -> Elapsed | None:
        text, unit = state.text_of(name) or "", state.units[name]
        schedule = schedule_of(name, text)
        service = state.started(name)
        runs = [one for one in self._runs.get(service, ()) if one.due and one.machine]
        known = TimerState(
            now=self._wall_clock(),
            sha=unit.sha,
            data=data,
            is_persistent=schedule.is_persistent,
            next_after=lambda after: self._calendars.next(schedule.calendars, after),
            last=next((one for one in runs if one.ended), None),
            is_open=any(not one.is_over for one in self._runs.get(service, ())),
            machine=_ready(name, service, state),
        )
        return self._asked(name, lambda: next_elapse(state.timers.get(name), known))

    def _asked(self, name: str, decide: Callable[[], Elapsed | None]) -> Elapsed | None:
        """A calendar that cannot be read is told once, and keeps no other timer from its time."""
        now = self._wall_clock()
        if name in self._faults and abs(now - self._asked_at[name]) < AGAIN_SECONDS:
            return None
        try:
            found = decide()
        except CalendarError as error:
            if self._faults.get(name) != str(error):
                log.error("%s does not elapse: %s", name, error, extra=about("timer", name))
            self._faults[name], self._asked_at[name] = str(error), now
            return None
        self._faults.pop(name, None)
        return found

    def _open_runs(self, state: ClusterState, data: str, keep_lost: bool) -> Iterator[Step]:
        """Runs that nobody can end any more are lost; those that were not taken go on."""
        for id, run in state.runs.items():
            if run.outcome or not run.machine:
                continue
            report = report_of(id, run, state)
            if report and report.result:
                continue
            if run.data and run.data != data:
                yield _lost(id, run, "it is of other data")
            elif report and run.machine not in state.machines:
                if not keep_lost:
                    yield _lost(id, run, f"{run.machine} was lost while it ran")
            elif report is None and run.due:
                yield from _not_taken(id, run, state)

    def _obsolete(self, state: ClusterState) -> Iterator[Step]:
        """Runs that are more than are kept, and reports on runs that are not there."""
        for unit, runs in self._runs.items():
            is_gone = unit not in state.units
            of_timer = [one for one in runs if not one.by]  # The others are `transient`'s.
            for one in of_timer[0 if is_gone else KEPT :]:
                if one.is_over or is_gone:
                    yield _removed(unit, one.id, state)
        for id in state.run_reports.keys() - state.runs.keys():
            unit, _, number = id.rpartition("/")
            yield _removed(unit, number, state)


def _removed(unit: str, number: str, state: ClusterState) -> Step:
    id = f"{unit}/{number}"
    keys = [run_report_key(on, unit, number) for on in state.run_reports.get(id, ())]
    keys += [run_key(unit, number)] * (id in state.runs)
    return Step(dict[str, Record | None].fromkeys(keys), f"{id} is not kept")


def _once(state: ClusterState) -> list[str]:
    return [name for name, asked in state.wanted.items() if asked.is_once]


def _ready(timer: str, service: str, state: ClusterState) -> str:
    """The machine where a timer is, if it has what the timer starts; empty while it has not."""
    for machine in state.homes(timer):
        known, report = state.machines.get(machine), state.reports(service).get(machine)
        told = state.assigned(service).get(machine)
        if known is None or report is None or told is None or report.orphan:
            continue
        has_file = report.load == "loaded" and report.sha == told.sha and not report.problem
        if known.takes_runs and has_file:
            return machine
    return ""


def _step(name: str, elapsed: Elapsed, state: ClusterState) -> Step:
    """The timer's record and the run, in one transaction: the stamp moves with it."""
    records: dict[str, Record | None] = {timer_key(name): elapsed.timer}
    run = elapsed.run
    if run is None:
        return Step(
            records, f"{name} elapses next at {elapsed.timer.next:.0f}", seen=(unit_key(name),)
        )
    service = state.started(name)
    key = run_key(service, f"{run.due:.0f}")
    if key not in state.entries:
        records[key] = run
    said = f"{service}, due at {run.due:.0f}, {run.outcome or f'is handed to {run.machine}'}"
    seen = [unit_key(name)]
    if run.machine:
        seen += [machine_key(run.machine), schedule_key(run.machine, service)]
    return Step(records, said, run.machine, tuple(seen))


def _lost(id: str, run: Run, why: str) -> Step:
    unit, _, number = id.rpartition("/")
    lost = replace(run, outcome=LOST)
    seen = (run_report_key(run.machine, unit, number),)
    return Step({run_key(unit, number): lost}, f"{id} is lost: {why}", run.machine, seen)


def _not_taken(id: str, run: Run, state: ClusterState) -> Iterator[Step]:
    """A run of a timer that was not taken goes to where the timer is by now, if it still runs."""
    unit, _, number = id.rpartition("/")
    timer = state.trigger(unit)
    if not timer or state.units[timer].desired_state is not DesiredState.LAUNCHED:
        seen = (run_report_key(run.machine, unit, number),)
        missed = {run_key(unit, number): replace(run, outcome=MISSED)}
        yield Step(missed, f"{id} is not run: its timer was stopped", run.machine, seen)
        return
    machine = _ready(timer, unit, state)
    if not machine or machine == run.machine:
        return
    on = replace(run, machine=machine)
    seen = (
        run_report_key(run.machine, unit, number),
        machine_key(machine),
        schedule_key(machine, unit),
    )
    yield Step({run_key(unit, number): on}, f"{id} is handed to {machine} instead", machine, seen)
