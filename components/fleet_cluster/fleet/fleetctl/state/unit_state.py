"""Unit states: how a unit does on a machine, in the words that lists and the screen have (pure)."""

from ...cluster_state.placement import SERVING
from ...cluster_state.state import ClusterState
from ...model.records import JOB_DONE, JOB_PENDING, DesiredState, UnitState
from .unplaced import unplaced_reasons

LOST = "lost"
"""ACTIVE of a unit on a machine whose lease has ended: nobody can say how the unit does."""


def known_units(view: ClusterState) -> set[str]:
    """The units that there are: those that are wanted, and those that a machine reports."""
    return view.units.keys() | view.states.keys()


def machines_of(name: str, view: ClusterState) -> list[str]:
    """The machines that a unit is on, or is to be on; "" where it wants one and has none."""
    machines = sorted(view.assigned(name).keys() | view.reported(name).keys())
    unit = view.units.get(name)
    wants_one = unit is not None and unit.desired_state is not DesiredState.INACTIVE
    return machines or ([""] if wants_one else [])


def is_lost(name: str, machine: str, view: ClusterState) -> bool:
    """Whether the unit is on a machine whose lease has ended, and has not done its work."""
    return bool(machine) and machine not in view.machines and not view.has_completed(name)


def activity(name: str, machine: str, view: ClusterState) -> tuple[str, str]:
    """ACTIVE and SUB: systemd's own words, as long as there is a machine that vouches for them."""
    state = view.reported(name).get(machine)
    if is_lost(name, machine, view):
        return LOST, state.active if state else "unknown"
    if state and name in view.timers and view.timers[name].is_running:
        return "active", "waiting"  # The cluster is its clock, not the machine.
    if state:
        return state.active, state.sub
    if machine:
        return "inactive", "dead" if view.has_completed(name) else "assigned"
    return "inactive", "pending" if unplaced_reasons(name, view) is None else "unplaced"


def problem(state: UnitState) -> str:
    """Why the unit is not up there, if it never was; empty when there is nothing to tell."""
    if state.problem or state.job in ("", JOB_PENDING):
        return state.problem
    what = "skipped it" if state.job == JOB_DONE else f"did not start it: {state.job}"
    return f"systemd {what}: {state.reason}" if state.reason else f"systemd {what}"


def why_nowhere(name: str, view: ClusterState) -> str:
    """Why a unit fits on no machine, in one line; empty when it fits on one."""
    first, *others = (unplaced_reasons(name, view) or "").splitlines() or [""]
    return f"{first} {'; '.join(line.strip() for line in others)}".strip()


def is_active_on(machine: str, name: str, view: ClusterState) -> bool:
    """Whether a machine reports that the unit runs."""
    state = view.reported(name).get(machine)
    return state is not None and state.active in SERVING


def is_active(name: str, view: ClusterState) -> bool:
    """Whether the unit runs, on all machines where it is."""
    states = view.reported(name).values()
    return bool(states) and all(state.active in SERVING for state in states)
