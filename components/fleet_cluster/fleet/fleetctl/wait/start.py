"""Wait conditions for units that come up (pure)."""

from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from ...cluster_state.state import ClusterState
from ...model.records import JOB_PENDING, Unit, UnitState
from ..cli.names import legend
from .health_gate import HealthGate
from .on_machines import all_reached, describe, on_all_machines, on_machine
from .outcome import (
    CHANGED_MEANWHILE,
    Failed,
    MachineCheck,
    Outcome,
    Reached,
    Reports,
    WaitCondition,
    Waiting,
)
from .start_tracker import StartTracker


def launched(
    name: str,
    wanted: Unit,
    before: Reports | None,
    clock: Callable[[], float] = monotonic,
    is_proven: bool = False,
) -> WaitCondition:
    """Wait condition: the unit is active on all of its machines, or it ran and has ended.

    One that was started has to stay active for its file's `HealthySec=`, unless it is proven: it
    has run like that before. systemd may also skip a unit, as its file asks (`Condition...=`).

    `before` is what was reported before the command started the unit: an older failure is not
    this start's. None: the command found it as it is to be, and started nothing.
    """
    tracker = StartTracker(name, before, clock, is_proven=is_proven)
    return on_all_machines(name, wanted, tracker.check, "launched")


def restarted(
    name: str,
    wanted: Unit,
    machine: str,
    before: UnitState,
    clock: Callable[[], float] = monotonic,
    is_bound: bool = False,
) -> WaitCondition:
    """Wait condition: the unit was started anew on a machine, and is as `launched` there.

    `before` is what was reported of it before: what is still so is not the new run. One that
    systemd restarts because it is bound to another one may be stopped and not started again.
    """
    tracker = StartTracker(name, {machine: before}, clock, again=True)
    check = _unless_left_down(tracker, name, before) if is_bound else tracker.check
    there = replace(wanted, sha=wanted.sha_on(machine))

    def condition(view: ClusterState) -> Outcome:
        if view.units.get(name) != wanted:
            return CHANGED_MEANWHILE
        outcome = on_machine(name, there, machine, check, view)
        return all_reached(name, "launched", [outcome]) if isinstance(outcome, Reached) else outcome

    return condition


def _unless_left_down(tracker: StartTracker, name: str, before: UnitState) -> MachineCheck:
    """Check of a unit that systemd may have stopped with another one, and not started again."""

    def check(machine: str, state: UnitState, view: ClusterState) -> Outcome:
        left = state.since != before.since and state.job != JOB_PENDING
        if left and state.active == "inactive" and not view.is_oneshot(name):
            where = legend(machine, view.machines)
            return Failed(f"systemd stopped it on {where} and did not start it again", machine)
        return tracker.check(machine, state, view)

    return check


def healthy(
    name: str, wanted: Unit, before: Reports | None, clock: Callable[[], float] = monotonic
) -> WaitCondition:
    """Wait condition: the unit is active at the first attempt, and stays so for its `HealthySec=`.

    What one instance of a rollout has to be before the next is touched; `before` as for `launched`.
    """
    return on_all_machines(name, wanted, HealthGate(name, before, clock).check, "healthy")


def running(name: str, wanted: Unit, before: Reports) -> WaitCondition:
    """Wait condition: the unit is active on its machine.

    Unlike with `launched`, one that is at rest may not have been started yet: systemd starts it
    with another one. `before` is what was reported of it when it began: an older failure.
    """
    tracker = StartTracker(name, before, monotonic, is_proven=True)

    def check(machine: str, state: UnitState, view: ClusterState) -> Outcome:
        if state.active == "inactive" and state.job in ("", JOB_PENDING):
            return Waiting(describe(state, machine, view), machine)
        return tracker.check(machine, state, view)

    return on_all_machines(name, wanted, check, "running")


def loaded(name: str, wanted: Unit) -> WaitCondition:
    """Wait condition: the unit's file is on its machine, or on all of its machines."""
    return _on_disk(name, wanted, "loaded")


def scheduled(name: str, wanted: Unit) -> WaitCondition:
    """Wait condition: a timer with `Once=true` is where its elapses are to be run."""
    return _on_disk(name, wanted, "scheduled")


def _on_disk(name: str, wanted: Unit, verb: str) -> WaitCondition:
    def check(machine: str, state: UnitState, view: ClusterState) -> Outcome:
        where = legend(machine, view.machines)
        return Reached(where) if state.load == "loaded" else Waiting(f"{state.load} on {where}")

    return on_all_machines(name, wanted, check, verb)
