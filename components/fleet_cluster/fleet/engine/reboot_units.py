"""The units of a machine around a reboot: which are up, which can leave, and who else empties."""

from collections.abc import Iterable

from ..cluster_state.placement import SERVING
from ..cluster_state.state import ClusterState
from ..model.records import JOB_DONE, DesiredState, UnitState


def units_down(machine: str, state: ClusterState) -> dict[str, str]:
    """The units that are to be on a machine and are not up, and what they are reported to be."""
    wanted = {on for on, to in state.plan().global_placements.items() if machine in to}
    wanted |= {unit for unit in state.schedule if machine in state.assigned(unit)}
    found: dict[str, str] = {}
    for unit in wanted:
        desired, report = state.asked(unit), state.reported(unit).get(machine)
        if desired is None or state.has_completed(unit):
            continue
        if report is None:
            found[unit] = ""
        elif desired.desired_state is DesiredState.LAUNCHED and not _is_as_wanted(report):
            found[unit] = report.active
    return found


def _is_as_wanted(report: UnitState) -> bool:
    """Whether it runs, or has been started and rests, as systemd says."""
    return report.active in SERVING or (report.active == "inactive" and report.job == JOB_DONE)


def stuck_units(machine: str, units: Iterable[str], state: ClusterState) -> list[str]:
    """Those of these units that no other machine takes."""
    stuck = state.plan().stuck
    return [name for name in units if name in stuck and machine in state.homes(name)]


def others_leaving(machine: str, state: ClusterState) -> str:
    """The other machines that go, or empty, in words: with one more away, units might stop.

    One that an operator has drained may stay so for weeks: it is waited for only as long as units
    leave it.
    """
    found = (_leaving(on, state) for on in sorted(state.machines) if on != machine)
    return "; ".join(filter(None, found))


def _leaving(machine: str, state: ClusterState) -> str:
    mark, name = state.eligibility.get(machine), state.machines[machine].hostname or machine
    if mark is None or not mark.draining or mark.rebooting:
        return ""
    if mark.removed:
        return f"{name} is being removed"
    left = state.units_on(machine)
    stuck = [] if mark.force else stuck_units(machine, left, state)
    moving = sorted(set(left).difference(stuck))
    return f"{name} is drained: {', '.join(moving)}" if moving else ""
