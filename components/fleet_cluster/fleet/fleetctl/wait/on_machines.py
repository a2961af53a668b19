"""Wait conditions on each machine that is to have a unit (pure)."""

from dataclasses import replace

from ...cluster_state.reservations import Reservations
from ...cluster_state.state import ClusterState
from ...model import keys
from ...model.records import JOB_PENDING, Assignment, Unit, UnitState
from ..cli.names import legend
from ..state.unplaced import unplaced_reasons
from .outcome import (
    CHANGED_MEANWHILE,
    Failed,
    MachineCheck,
    Outcome,
    Reached,
    Unplaced,
    WaitCondition,
    Waiting,
)

BROKEN_LOADS = ("error", "bad-setting", "masked")
"""LOAD states that waiting does not cure."""


def on_all_machines(name: str, wanted: Unit, check: MachineCheck, verb: str) -> WaitCondition:
    """Wait condition: `check` is reached on the unit's machine, or on all of its machines."""

    def condition(view: ClusterState) -> Outcome:
        if view.units.get(name) != wanted:
            return CHANGED_MEANWHILE
        everywhere = _expected_machines(name, view)
        if not everywhere:
            return _unplaced(name, view)
        machines = [one for one in everywhere if wanted.sha_on(one) == wanted.sha]
        outcomes = [on_machine(name, wanted, machine, check, view) for machine in machines]
        failed = [one for one in outcomes if isinstance(one, Failed)]
        waiting = [one for one in outcomes if isinstance(one, Waiting)]
        reached = [one for one in outcomes if isinstance(one, Reached)]
        return next(iter([*failed, *waiting]), all_reached(name, verb, reached))

    return condition


def on_machine(
    name: str, wanted: Unit, machine: str, check: MachineCheck, view: ClusterState
) -> Outcome:
    """Outcome on one machine; `check` is asked when the machine has the unit as it is wanted."""
    where = legend(machine, view.machines)
    if machine not in view.machines and view.has_completed(name):
        return Reached(where)
    if machine not in view.machines:
        return Waiting(f"{where}: the unit moves when the machine's lease has ended")
    asked = view.asked(name)
    told = replace(wanted, desired_state=asked.desired_state) if asked else wanted
    if not _is_assigned(told, view.assigned(name).get(machine)):
        return Waiting(_wait_for_room(name, machine, view) or undecided(view, machine))
    state = view.reported(name).get(machine)
    if state is None:
        return Waiting(f"fleetd on {where} has not reported yet")
    return _obstacle(state, wanted, machine, where) or check(machine, state, view)


def _is_assigned(wanted: Unit, assignment: Assignment | None) -> bool:
    return assignment is not None and (assignment.sha, assignment.desired_state) == (
        wanted.sha,
        wanted.desired_state,
    )


def _obstacle(state: UnitState, wanted: Unit, machine: str, where: str) -> Outcome | None:
    """Outcome where the machine does not have the unit's file in use."""
    if state.problem:
        return Failed(f"{where}: {state.problem}", machine)
    if state.load in BROKEN_LOADS:
        return Failed(f"systemd cannot load it on {where}: {state.load}{because(state)}", machine)
    if state.sha != wanted.sha:
        return Waiting(f"the file before is still {state.active} ({state.sub}) on {where}")
    return None


def all_reached(name: str, verb: str, reached: list[Reached]) -> Reached:
    """Outcome of all machines in one sentence; where systemd skipped the unit, it does not run."""
    done = ", ".join(one.message for one in reached if not one.note)
    skipped = ", ".join(one.message for one in reached if one.note)
    parts = [f"{verb} on {done}"] if done or not skipped else []
    parts += [f"skipped on {skipped}"] if skipped else []
    notes = "; ".join(one.note for one in reached if one.note)
    return Reached(f"Unit {name} {', '.join(parts)}", f"{name}: {notes}" if notes else "")


def _expected_machines(name: str, view: ClusterState) -> list[str]:
    if view.is_global(name):
        return sorted(view.plan().global_placements.get(name, ()))
    return view.homes(name)


def _unplaced(name: str, view: ClusterState) -> Outcome:
    reasons = unplaced_reasons(name, view)
    if reasons is not None:
        return Unplaced(reasons)
    home = view.plan().placements.get(name, "")
    return Waiting(_wait_for_room(name, home, view) or undecided(view))


def _wait_for_room(name: str, machine: str, view: ClusterState) -> str:
    """What has to stop first on the machine that is to have a unit; empty when it has room."""
    reservations, plan = Reservations(view), view.plan()
    shortage = reservations.shortage(machine, name)
    if not shortage:
        return ""
    leaving = [
        unit
        for unit in reservations.units(machine)
        if plan.placements.get(unit) != machine
        and machine not in plan.global_placements.get(unit, ())
    ]
    where = legend(machine, view.machines)
    if not leaving:
        return f"until there is room on {where} ({shortage})"
    more = f" and {len(leaving) - 3} more" if len(leaving) > 3 else ""
    return f"until these have stopped on {where}: {', '.join(leaving[:3])}{more} ({shortage})"


def because(state: UnitState) -> str:
    """The reason that systemd gives, for the end of a sentence; empty without one."""
    return f": {state.reason}" if state.reason else ""


def describe(state: UnitState, machine: str, view: ClusterState) -> str:
    """A unit's state on a machine, in words."""
    hint = "; not started yet, or it has ended" if state.active == "inactive" else ""
    hint = "; systemd has a job for it" if state.job == JOB_PENDING else hint
    return f"{state.active} ({state.sub}) on {legend(machine, view.machines)}{hint}"


def undecided(view: ClusterState, machine: str = "") -> str:
    """The reason why the leader has not decided yet."""
    if keys.LEADER not in view.entries:
        return "no fleetd leads the cluster at present, so nothing is decided"
    if machine and machine not in view.machines:
        return f"{legend(machine, view.machines)}: its lease has not ended yet"
    return "fleet's leader has not decided yet"
