"""Wait conditions for units that go down (pure)."""

from ...cluster_state.placement import AT_REST
from ...cluster_state.state import ClusterState
from ...model.records import DesiredState, Unit
from ..cli.names import legend
from .on_machines import describe, undecided
from .outcome import CHANGED_MEANWHILE, Failed, Outcome, Reached, Reports, WaitCondition, Waiting


def stopped(name: str, wanted: Unit) -> WaitCondition:
    """Wait condition: the unit runs nowhere."""

    def condition(view: ClusterState) -> Outcome:
        if view.units.get(name) != wanted:
            return CHANGED_MEANWHILE
        for machine, assignment in view.assigned(name).items():
            if assignment.desired_state is DesiredState.LAUNCHED:
                return Waiting(undecided(view, machine))
        for machine, state in view.reported(name).items():
            if state.active not in AT_REST:
                return Waiting(describe(state, machine, view))
        where = ", ".join(legend(machine, view.machines) for machine in view.assigned(name))
        done = f"Unit {name} {wanted.desired_state}{f' on {where}' if where else ''}"
        return Reached(done + left_behind(name, view))

    return condition


def unstarted(name: str, wanted: Unit, before: Reports) -> WaitCondition:
    """Wait condition: the unit runs nowhere, and the next start is a new one to its machine.

    That machine may not have seen yet that it is not to run; if it is to run again by then, it is
    as it was, and is not started. `before` is what was reported of it: what a machine could not
    start, for a problem, it tries again anyway.
    """
    down = stopped(name, wanted)
    blocked = {machine for machine, state in before.items() if state.problem}

    def condition(view: ClusterState) -> Outcome:
        outcome, reports = down(view), view.reported(name)
        for machine in reports.keys() & view.assigned(name).keys() - blocked:
            is_old = reports[machine].start_requested_at and not reports[machine].problem
            if isinstance(outcome, Reached) and is_old:
                where = legend(machine, view.machines)
                return Waiting(f"fleetd on {where} has not seen yet that it is to start anew")
        return outcome

    return condition


def forgotten(name: str, before: Reports) -> WaitCondition:
    """Wait condition: no machine reports the failure any more that it reported before."""

    def condition(view: ClusterState) -> Outcome:
        for machine, state in view.reported(name).items():
            if state.active == "failed" and state == before.get(machine):
                return Waiting(describe(state, machine, view))
        return Reached(name)

    return condition


def gone(name: str, message: str) -> WaitCondition:
    """Wait condition: the unit is on no machine any more; it was stopped, its file is removed."""

    def condition(view: ClusterState) -> Outcome:
        unit = view.units.get(name)
        if unit and unit.desired_state is not DesiredState.INACTIVE:
            return Failed("someone else started it meanwhile; see: fleetctl list-unit-files")
        if trigger := view.trigger(name):
            return Waiting(f"{trigger} keeps it loaded, to start it: fleetctl destroy {trigger}")
        for machine, state in view.reported(name).items():
            return Waiting(describe(state, machine, view))
        for machine in view.assigned(name):
            return Waiting(undecided(view, machine))
        return Reached(message + left_behind(name, view))

    return condition


def left_behind(name: str, view: ClusterState) -> str:
    """Lost machines where a stopped unit may run on, and what to do; empty if there are none.

    A machine whose lease has ended may only be cut off. A fenced unit it has stopped by itself.
    """
    asked = view.requirements(name)
    withdrawn = sorted(view.withdrawn(name).items())
    lost = [on for on, last in withdrawn if on not in view.machines and not last.completed]
    if not lost or (asked and asked.is_fenced):
        return ""
    where = ", ".join(legend(on, view.machines, full=True) for on in lost)
    return (
        f"; it may run on where nobody can see it, on {where}: its machine's lease has ended, and"
        " it is stopped there as soon as that machine is back. If that machine is gone for good: "
        + ", ".join(f"fleetctl drain --for-good {on}" for on in lost)
    )
