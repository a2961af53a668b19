"""What commands wait for (pure): how far a unit is from where it is to be."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic

from ...model import keys
from ...model.records import JOB_DONE, JOB_PENDING, DesiredState, Unit, UnitState
from ..cli.names import legend
from .view import View


@dataclass(frozen=True)
class Waiting:
    """Still under way."""

    why: str
    machine: str = ""
    """The id of the machine where systemd is at work on the unit, if it is."""
    again: float | None = None
    """After how many seconds to look again, though nothing has changed by then."""


@dataclass(frozen=True)
class Reached:
    """There: what to tell the operator."""

    message: str
    note: str = ""
    """What is to be told in any case: that systemd skipped the unit, and why."""


@dataclass(frozen=True)
class Failed:
    """It cannot get there by waiting."""

    reason: str
    machine: str = ""
    """The id of the machine where the unit failed; empty when it is on none."""
    journal: str = ""
    """The last lines of its journal then, as its machine reported them."""


@dataclass(frozen=True)
class Unplaced(Failed):
    """It fits on no machine: it starts when one comes that it fits on."""


Outcome = Waiting | Reached | Failed
WaitCondition = Callable[[View], Outcome]

UP = ("active", "reloading")
"""The ACTIVE states of a unit that runs."""
AUTO_RESTART = "auto-restart"
"""SUB of a unit that has failed and that systemd starts again after RestartSec=."""
MAX_RESTARTS = 5
"""How often a unit may fail while it starts: what it needs may come a moment later."""
BROKEN_LOADS = ("error", "bad-setting", "masked")
"""LOAD states that waiting does not cure."""


Reports = Mapping[str, UnitState]
"""What is reported of one unit, by machine."""


def in_desired_state(name: str, wanted: Unit, before: Reports | None) -> WaitCondition:
    """That the unit is as far as it is wanted; `before` as for `launched`."""
    if wanted.desired_state is DesiredState.LAUNCHED:
        return launched(name, wanted, before)
    if wanted.desired_state is DesiredState.LOADED:
        return loaded(name, wanted)
    return gone(name, f"Unit {name} inactive")


def launched(
    name: str,
    wanted: Unit,
    before: Reports | None,
    clock: Callable[[], float] = monotonic,
    is_proven: bool = False,
) -> WaitCondition:
    """The unit is active on its machine, or on all of its machines; or it ran and has ended.

    One that was started has to stay active for its file's `HealthySec=`, unless it is proven: it
    has run like that before. systemd may also skip a unit, as its file asks (`Condition...=`).

    `before` is what was reported before the command started the unit: an older failure is not
    this start's. None: the command found it as it is to be, and started nothing.
    """
    launch = _Launch(name, before, clock, is_proven=is_proven)
    return _on_all_machines(name, wanted, launch.check, "launched")


def restarted(
    name: str,
    wanted: Unit,
    machine: str,
    before: UnitState,
    clock: Callable[[], float] = monotonic,
    is_bound: bool = False,
) -> WaitCondition:
    """The unit was started anew on a machine, and is as `launched` there.

    `before` is what was reported of it before: what is still so is not the new run. One that
    systemd restarts because it is bound to another one may be stopped and not started again.
    """
    launch = _Launch(name, {machine: before}, clock, again=True)
    there = replace(wanted, sha=wanted.sha_on(machine))

    def check(machine: str, state: UnitState, view: View) -> Outcome:
        left = state.since != before.since and state.job != JOB_PENDING
        if is_bound and left and state.active == "inactive" and not view.is_oneshot(name):
            where = legend(machine, view.machines)
            return Failed(f"systemd stopped it on {where} and did not start it again", machine)
        return launch.check(machine, state, view)

    def condition(view: View) -> Outcome:
        if view.units.get(name) != wanted:
            return Failed("someone else changed it meanwhile; see: fleetctl list-unit-files")
        outcome = _on_machine(name, there, machine, check, view)
        return (
            _all_reached(name, "launched", [outcome]) if isinstance(outcome, Reached) else outcome
        )

    return condition


def healthy(
    name: str, wanted: Unit, before: Reports | None, clock: Callable[[], float] = monotonic
) -> WaitCondition:
    """The unit is active at the first attempt, and stays so for its file's `HealthySec=`.

    What one instance of a rollout has to be before the next is touched; `before` as for `launched`.
    """
    return _on_all_machines(name, wanted, _Trial(name, before, clock).check, "healthy")


class _Launch:
    """What was seen of one start; of a unit that is done at once, that may be its end only."""

    def __init__(
        self,
        name: str,
        before: Reports | None,
        clock: Callable[[], float],
        max_restarts: int = MAX_RESTARTS,
        again: bool = False,
        is_proven: bool = False,
    ) -> None:
        """`again`: it ran already, so that what is still as before is not this start's."""
        self._name = name
        self._clock = clock
        self._max_restarts = max_restarts
        self._again = again
        self._is_start = before is not None
        self._is_proven = is_proven or before is None
        self._before = before or {}
        self._seen = dict(self._before)
        self._active: dict[str, tuple[float, float]] = {}
        """Since when it is active on a machine, by its clock and by ours."""
        self._restarts: Counter[str] = Counter()
        self._ran: set[str] = set()

    def check(self, machine: str, state: UnitState, view: View) -> Outcome:
        where = legend(machine, view.machines)
        self._note(machine, state)
        if state.job and state.job != JOB_PENDING and not self._is_told_before(machine, state):
            return _job_ended(state, machine, where)
        if state.job == JOB_PENDING or (self._again and self._is_old(machine, state)):
            return Waiting(_describe(state, machine, view), machine)
        if self._restarts[machine] >= self._max_restarts:
            return Failed(self._keeps_failing(where), machine, state.journal)
        if state.active in UP:
            return self._probation(machine, state, view) or Reached(where)
        if state.active == "failed" and not self._is_old(machine, state):
            return Failed(f"it failed on {where}{_because(state)}", machine, state.journal)
        if state.active == "inactive" and self._has_run(machine, view):
            return Reached(where, _skipped(state, where))
        return Waiting(_describe(state, machine, view), machine)

    def _probation(self, machine: str, state: UnitState, view: View) -> Waiting | None:
        """It counts as started when it has not ended soon after."""
        if self._is_proven or view.is_oneshot(self._name):
            return None
        now = self._clock()
        since, seen = self._active.get(machine, (state.since, now))
        seen = seen if since == state.since else now
        self._active[machine] = (state.since, seen)
        left = seen + view.healthy_seconds(self._name) - now
        if left <= 0:
            return None
        where = legend(machine, view.machines)
        return Waiting(f"active on {where}; it has to stay so for {left:.1f} s", machine, left)

    def _keeps_failing(self, where: str) -> str:
        if self._max_restarts == 1:
            return f"it failed on {where}"
        return f"it keeps failing on {where}; systemd goes on trying"

    def _is_told_before(self, machine: str, state: UnitState) -> bool:
        """Whether what became of a job was reported before this start."""
        before = self._before.get(machine)
        return before is not None and (before.job, before.start_requested_at) == (
            state.job,
            state.start_requested_at,
        )

    def _note(self, machine: str, state: UnitState) -> None:
        before = self._seen.get(machine)
        if state == before:
            return
        self._seen[machine] = state
        self._restarts[machine] += state.sub == AUTO_RESTART or self._is_back(
            machine, before, state
        )
        # systemd forgets when a unit ran soon after it has ended, so it is noted here.
        if self._is_new(machine, state) or state.active in (*UP, "activating", "deactivating"):
            self._ran.add(machine)

    def _is_back(self, machine: str, before: UnitState | None, state: UnitState) -> bool:
        """Whether it failed and ran again within milliseconds: only the new run is reported."""
        if before is None or machine not in self._active:
            return False
        return {before.active, state.active} <= {*UP} and before.since != state.since

    def _is_new(self, machine: str, state: UnitState) -> bool:
        """Whether a state that was seen only after the unit had ended is of this start."""
        before = self._before.get(machine)
        if not self._is_start or state.load == "not-found":
            return False  # What systemd has no file of, it has not run now.
        if before is None:
            return state.since > 0
        return (
            state.start_requested_at not in (0.0, before.start_requested_at)
            and state.since >= state.start_requested_at
        )

    def _is_old(self, machine: str, state: UnitState) -> bool:
        before = self._before.get(machine)
        return before is not None and (state.active, state.since) == (before.active, before.since)

    def _has_run(self, machine: str, view: View) -> bool:
        return machine in self._ran if self._is_start else view.is_oneshot(self._name)


class _Trial:
    """Whether a unit that runs with a new file is to be relied on."""

    def __init__(self, name: str, before: Reports | None, clock: Callable[[], float]) -> None:
        self._name = name
        self._launch = _Launch(name, before, clock, max_restarts=1)
        self._active: dict[str, float] = {}
        """Since when it is active on a machine, by its clock."""

    def check(self, machine: str, state: UnitState, view: View) -> Outcome:
        outcome = self._launch.check(machine, state, view)
        if isinstance(outcome, Failed) or view.is_oneshot(self._name):
            return outcome
        where = legend(machine, view.machines)
        if state.active in UP:
            if state.since != self._active.setdefault(machine, state.since):
                return Failed(f"it did not stay active on {where}: it was started again", machine)
        elif machine in self._active or isinstance(outcome, Reached):
            what = f"it did not stay active: {_describe(state, machine, view)}"
            return Failed(what, machine, state.journal)
        return outcome


def running(name: str, wanted: Unit) -> WaitCondition:
    """The unit is active on its machine."""

    def check(machine: str, state: UnitState, view: View) -> Outcome:
        if state.active in UP:
            return Reached(legend(machine, view.machines))
        return Waiting(_describe(state, machine, view), machine)

    return _on_all_machines(name, wanted, check, "running")


def loaded(name: str, wanted: Unit) -> WaitCondition:
    """The unit's file is on its machine, or on all of its machines."""

    def check(machine: str, state: UnitState, view: View) -> Outcome:
        where = legend(machine, view.machines)
        return Reached(where) if state.load == "loaded" else Waiting(f"{state.load} on {where}")

    return _on_all_machines(name, wanted, check, "loaded")


def stopped(name: str, wanted: Unit) -> WaitCondition:
    """The unit runs nowhere."""

    def condition(view: View) -> Outcome:
        if view.units.get(name) != wanted:
            return Failed("someone else changed it meanwhile; see: fleetctl list-unit-files")
        for machine, assignment in view.assigned(name).items():
            if assignment.desired_state is DesiredState.LAUNCHED:
                return Waiting(_undecided(view, machine))
        for machine, state in view.reported(name).items():
            if state.active not in ("inactive", "failed"):
                return Waiting(_describe(state, machine, view))
        where = ", ".join(legend(machine, view.machines) for machine in view.assigned(name))
        done = f"Unit {name} {wanted.desired_state}{f' on {where}' if where else ''}"
        return Reached(done + left_behind(name, view))

    return condition


def forgotten(name: str, before: Reports) -> WaitCondition:
    """No machine reports the failure any more that it reported before."""

    def condition(view: View) -> Outcome:
        for machine, state in view.reported(name).items():
            if state.active == "failed" and state == before.get(machine):
                return Waiting(_describe(state, machine, view))
        return Reached(name)

    return condition


def gone(name: str, message: str) -> WaitCondition:
    """The unit is on no machine any more: it was stopped, and its file is removed."""

    def condition(view: View) -> Outcome:
        unit = view.units.get(name)
        if unit and unit.desired_state is not DesiredState.INACTIVE:
            return Failed("someone else started it meanwhile; see: fleetctl list-unit-files")
        for machine, state in view.reported(name).items():
            return Waiting(_describe(state, machine, view))
        for machine in view.assigned(name):
            return Waiting(_undecided(view, machine))
        return Reached(message + left_behind(name, view))

    return condition


def left_behind(name: str, view: View) -> str:
    """Where a unit that was stopped may run on, and what will become of it; empty if nowhere.

    A machine whose lease has ended may only be cut off. A fenced unit it has stopped by itself.
    """
    asked = view.requirements(name)
    told = view.withdrawn(name)
    lost = [on for on in sorted(told) if on not in view.machines and not told[on].completed]
    if not lost or (asked and asked.is_fenced):
        return ""
    where = ", ".join(legend(on, view.machines, full=True) for on in lost)
    return (
        f"; it may run on where nobody can see it, on {where}: its machine's lease has ended, and"
        " it is stopped there as soon as that machine is back. If that machine is gone for good: "
        + ", ".join(f"fleetctl drain --for-good {on}" for on in lost)
    )


def _on_all_machines(
    name: str,
    wanted: Unit,
    check: Callable[[str, UnitState, View], Outcome],
    verb: str,
) -> WaitCondition:
    def condition(view: View) -> Outcome:
        if view.units.get(name) != wanted:
            return Failed("someone else changed it meanwhile; see: fleetctl list-unit-files")
        everywhere = _expected_machines(name, view)
        machines = [machine for machine in everywhere if machine not in wanted.retained_files]
        if not everywhere:
            return _unplaced(name, view)
        outcomes = [_on_machine(name, wanted, machine, check, view) for machine in machines]
        for outcome in sorted(outcomes, key=lambda outcome: not isinstance(outcome, Failed)):
            if not isinstance(outcome, Reached):
                return outcome
        return _all_reached(name, verb, [one for one in outcomes if isinstance(one, Reached)])

    return condition


def _all_reached(name: str, verb: str, reached: list[Reached]) -> Reached:
    """One sentence about all machines; where systemd skipped the unit, it does not run."""
    done = ", ".join(one.message for one in reached if not one.note)
    skipped = ", ".join(one.message for one in reached if one.note)
    parts = [f"{verb} on {done}"] if done or not skipped else []
    parts += [f"skipped on {skipped}"] if skipped else []
    notes = "; ".join(one.note for one in reached if one.note)
    return Reached(f"Unit {name} {', '.join(parts)}", f"{name}: {notes}" if notes else "")


def _job_ended(state: UnitState, machine: str, where: str) -> Outcome:
    """Systemd's job is over and the unit is not up; an unmet condition is no failure to it."""
    if state.job == JOB_DONE:
        return Reached(where, _skipped(state, where))
    what = f"systemd did not start it on {where}: {state.job}"
    return Failed(f"{what}{_because(state)}", machine, state.journal)


def _skipped(state: UnitState, where: str) -> str:
    return f"systemd skipped it on {where}{_because(state)}" if state.reason else ""


def _because(state: UnitState) -> str:
    return f": {state.reason}" if state.reason else ""


def _expected_machines(name: str, view: View) -> list[str]:
    if view.is_global(name):
        return sorted(view.plan().global_placements.get(name, ()))
    return view.homes(name)


def _unplaced(name: str, view: View) -> Outcome:
    reasons = unplaced_reasons(name, view)
    if reasons is not None:
        return Unplaced(reasons)
    return Waiting(_undecided(view))


def unplaced_reasons(name: str, view: View) -> str | None:
    """Why a unit fits on no machine, one line per machine; None if it fits on one."""
    plan = view.plan()
    if name in plan.placements or plan.global_placements.get(name):
        return None
    if fault := view.fault(name):
        return fault
    if not view.machines:
        return "there is no machine in the cluster; see: fleetctl list-machines"
    reasons = plan.unplaced.get(name, {})
    lines = [f"  {legend(on, view.machines)}: {reasons[on]}" for on in sorted(reasons)]
    return "\n".join(["it fits on no machine:", *lines] if lines else ["it fits on no machine"])


def _on_machine(
    name: str,
    wanted: Unit,
    machine: str,
    check: Callable[[str, UnitState, View], Outcome],
    view: View,
) -> Outcome:
    where = legend(machine, view.machines)
    if machine not in view.machines and view.has_ended(name):
        return Reached(where)
    if machine not in view.machines:
        return Waiting(f"{where}: the unit moves when the machine's lease has ended")
    told = view.assigned(name).get(machine)
    if told is None or (told.sha, told.desired_state) != (wanted.sha, wanted.desired_state):
        return Waiting(_undecided(view, machine))
    state = view.reported(name).get(machine)
    if state is None:
        return Waiting(f"fleetd on {where} has not reported yet")
    if state.problem:
        return Failed(f"{where}: {state.problem}", machine)
    if state.load in BROKEN_LOADS:
        return Failed(f"systemd cannot load it on {where}: {state.load}{_because(state)}", machine)
    if state.sha != wanted.sha:
        return Waiting(f"the file before is still {state.active} ({state.sub}) on {where}")
    return check(machine, state, view)


def _describe(state: UnitState, machine: str, view: View) -> str:
    hint = "; not started yet, or it has ended" if state.active == "inactive" else ""
    hint = "; systemd has a job for it" if state.job == JOB_PENDING else hint
    return f"{state.active} ({state.sub}) on {legend(machine, view.machines)}{hint}"


def _undecided(view: View, machine: str = "") -> str:
    """What holds up a decision that the leader has to take."""
    if keys.LEADER not in view.entries:
        return "no fleetd leads the cluster at present, so nothing is decided"
    if machine and machine not in view.machines:
        return f"{legend(machine, view.machines)}: its lease has not ended yet"
    return "fleet's leader has not decided yet"
