"""What commands wait for (pure): how far a unit is from where it is to be."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from .. import model
from ..model import Target, Unit, UnitState
from .names import legend
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
Goal = Callable[[View], Outcome]

AUTO_RESTART = "auto-restart"
"""SUB of a unit that has failed and that systemd starts again after RestartSec=."""
MAX_RESTARTS = 5
"""How often a unit may fail while it starts: what it needs may come a moment later."""
BROKEN_LOADS = ("error", "bad-setting", "masked")
"""LOAD states that waiting does not cure."""


Reports = Mapping[str, UnitState]
"""What is reported of one unit, by machine."""


def goal_of(name: str, wanted: Unit, before: Reports | None) -> Goal:
    """That the unit is as far as it is wanted; `before` as for `launched`."""
    if wanted.target is Target.LAUNCHED:
        return launched(name, wanted, before)
    if wanted.target is Target.LOADED:
        return loaded(name, wanted)
    return gone(name, f"Unit {name} inactive")


def launched(name: str, wanted: Unit, before: Reports | None) -> Goal:
    """The unit is active on its machine, or on all of its machines; or it ran and has ended.

    `before` is what was reported before the command started the unit: an older failure is not
    this start's. None: the command found it as it is to be, and started nothing.
    """
    return _placed_goal(name, wanted, _Launch(name, before).check, "launched")


def healthy(
    name: str, wanted: Unit, before: Reports | None, clock: Callable[[], float] = monotonic
) -> Goal:
    """The unit is active at the first attempt, and stays so for its file's `HealthySec=`.

    What one instance of a rollout has to be before the next is touched; `before` as for `launched`.
    """
    return _placed_goal(name, wanted, _Trial(name, before, clock).check, "healthy")


class _Launch:
    """What was seen of one start; of a unit that is done at once, that may be its end only."""

    def __init__(self, name: str, before: Reports | None, max_restarts: int = MAX_RESTARTS) -> None:
        self._name = name
        self._max_restarts = max_restarts
        self._is_start = before is not None
        self._before = before or {}
        self._seen = dict(self._before)
        self._restarts: Counter[str] = Counter()
        self._ran: set[str] = set()

    def check(self, machine: str, state: UnitState, view: View) -> Outcome:
        where = legend(machine, view.machines)
        self._note(machine, state)
        if state.active in ("active", "reloading"):
            return Reached(where)
        if self._restarts[machine] >= self._max_restarts:
            return Failed(self._keeps_failing(where), machine, state.journal)
        if state.active == "failed" and not self._is_old(machine, state):
            return Failed(f"it failed on {where}", machine, state.journal)
        if state.active == "inactive" and self._has_run(machine, view):
            return Reached(where)
        return Waiting(_describe(state, machine, view), machine)

    def _keeps_failing(self, where: str) -> str:
        if self._max_restarts == 1:
            return f"it failed on {where}"
        return f"it keeps failing on {where}; systemd goes on trying"

    def _note(self, machine: str, state: UnitState) -> None:
        if state == self._seen.get(machine):
            return
        self._seen[machine] = state
        self._restarts[machine] += state.sub == AUTO_RESTART
        # systemd forgets when a unit ran soon after it has ended, so it is noted here.
        new = self._is_start and machine not in self._before and state.since > 0
        new &= state.load != "not-found"  # What systemd has no file of, it has not run now.
        if new or state.active in ("active", "activating", "deactivating"):
            self._ran.add(machine)

    def _is_old(self, machine: str, state: UnitState) -> bool:
        before = self._before.get(machine)
        return before is not None and (state.active, state.since) == (before.active, before.since)

    def _has_run(self, machine: str, view: View) -> bool:
        return machine in self._ran if self._is_start else view.is_oneshot(self._name)


class _Trial:
    """Whether a unit that runs with a new file is to be relied on."""

    def __init__(self, name: str, before: Reports | None, clock: Callable[[], float]) -> None:
        self._name = name
        self._launch = _Launch(name, before, max_restarts=1)
        self._clock = clock
        self._active: dict[str, tuple[float, float]] = {}
        """Since when it is active on a machine, by its clock and by ours."""

    def check(self, machine: str, state: UnitState, view: View) -> Outcome:
        outcome = self._launch.check(machine, state, view)
        if isinstance(outcome, Failed) or view.is_oneshot(self._name):
            return outcome
        if state.active in ("active", "reloading"):
            return self._probation(machine, state, view) or outcome
        if machine in self._active or isinstance(outcome, Reached):
            what = f"it did not stay active: {_describe(state, machine, view)}"
            return Failed(what, machine, state.journal)
        return outcome

    def _probation(self, machine: str, state: UnitState, view: View) -> Outcome | None:
        now = self._clock()
        since, seen = self._active.setdefault(machine, (state.since, now))
        where = legend(machine, view.machines)
        if state.since != since:
            return Failed(f"it did not stay active on {where}: it was started again", machine)
        left = seen + view.healthy_seconds(self._name) - now
        if left <= 0:
            return None
        return Waiting(f"active on {where}; it has to stay so for {left:.1f} s", machine, left)


def running(name: str, wanted: Unit) -> Goal:
    """The unit is active on its machine."""

    def check(machine: str, state: UnitState, view: View) -> Outcome:
        if state.active in ("active", "reloading"):
            return Reached(legend(machine, view.machines))
        return Waiting(_describe(state, machine, view), machine)

    return _placed_goal(name, wanted, check, "running")


def loaded(name: str, wanted: Unit) -> Goal:
    """The unit's file is on its machine, or on all of its machines."""

    def check(machine: str, state: UnitState, view: View) -> Outcome:
        where = legend(machine, view.machines)
        return Reached(where) if state.load == "loaded" else Waiting(f"{state.load} on {where}")

    return _placed_goal(name, wanted, check, "loaded")


def stopped(name: str, wanted: Unit) -> Goal:
    """The unit runs nowhere."""

    def goal(view: View) -> Outcome:
        if view.units.get(name) != wanted:
            return Failed("someone else changed it meanwhile; see: fleetctl list-unit-files")
        for machine, assignment in view.assigned(name).items():
            if assignment.target is Target.LAUNCHED:
                return Waiting(_undecided(view, machine))
        for machine, state in view.reported(name).items():
            if state.active not in ("inactive", "failed"):
                return Waiting(_describe(state, machine, view))
        where = ", ".join(legend(machine, view.machines) for machine in view.assigned(name))
        done = f"Unit {name} {wanted.target}{f' on {where}' if where else ''}"
        return Reached(done + left_behind(name, view))

    return goal


def gone(name: str, message: str) -> Goal:
    """The unit is on no machine any more: it was stopped, and its file is removed."""

    def goal(view: View) -> Outcome:
        unit = view.units.get(name)
        if unit and unit.target is not Target.INACTIVE:
            return Failed("someone else started it meanwhile; see: fleetctl list-unit-files")
        for machine, state in view.reported(name).items():
            return Waiting(_describe(state, machine, view))
        for machine in view.assigned(name):
            return Waiting(_undecided(view, machine))
        return Reached(message + left_behind(name, view))

    return goal


def left_behind(name: str, view: View) -> str:
    """Where a unit that was stopped may run on, and what will become of it; empty if nowhere.

    A machine whose lease has ended may only be cut off. A fenced unit it has stopped by itself.
    """
    asked = view.requirements(name)
    told = view.withdrawn(name)
    lost = [on for on in sorted(told) if on not in view.machines and not told[on].ended]
    if not lost or (asked and asked.is_fenced):
        return ""
    where = ", ".join(legend(on, view.machines, full=True) for on in lost)
    return (
        f"; it may run on where nobody can see it, on {where}: its machine's lease has ended, and"
        " it is stopped there as soon as that machine is back. If that machine is gone for good: "
        + ", ".join(f"fleetctl drain --for-good {on}" for on in lost)
    )


def _placed_goal(
    name: str,
    wanted: Unit,
    check: Callable[[str, UnitState, View], Outcome],
    verb: str,
) -> Goal:
    def goal(view: View) -> Outcome:
        if view.units.get(name) != wanted:
            return Failed("someone else changed it meanwhile; see: fleetctl list-unit-files")
        everywhere = _expected_machines(name, view)
        machines = [machine for machine in everywhere if machine not in wanted.kept]
        if not everywhere:
            return _unplaced(name, view)
        outcomes = [_on_machine(name, wanted, machine, check, view) for machine in machines]
        for outcome in sorted(outcomes, key=lambda outcome: not isinstance(outcome, Failed)):
            if not isinstance(outcome, Reached):
                return outcome
        where = ", ".join(legend(machine, view.machines) for machine in machines)
        return Reached(f"Unit {name} {verb} on {where}")

    return goal


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
    if told is None or (told.sha, told.target) != (wanted.sha, wanted.target):
        return Waiting(_undecided(view, machine))
    state = view.reported(name).get(machine)
    if state is None:
        return Waiting(f"fleetd on {where} has not reported yet")
    if state.problem:
        return Failed(f"{where}: {state.problem}", machine)
    if state.load in BROKEN_LOADS:
        return Failed(f"systemd cannot load it on {where}: {state.load}", machine)
    if state.sha != wanted.sha:
        return Waiting(f"the file before is still {state.active} ({state.sub}) on {where}")
    return check(machine, state, view)


def _describe(state: UnitState, machine: str, view: View) -> str:
    hint = "; not started yet, or it has ended" if state.active == "inactive" else ""
    return f"{state.active} ({state.sub}) on {legend(machine, view.machines)}{hint}"


def _undecided(view: View, machine: str = "") -> str:
    """What holds up a decision that the leader has to take."""
    if model.LEADER not in view.entries:
        return "no fleetd leads the cluster at present, so nothing is decided"
    if machine and machine not in view.machines:
        return f"{legend(machine, view.machines)}: its lease has not ended yet"
    return "fleet's leader has not decided yet"
