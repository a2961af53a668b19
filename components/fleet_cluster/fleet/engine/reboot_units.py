"""The units that are to be on a machine, and whether they are up, before and after a reboot."""

from ..cluster_state.placement import SERVING
from ..cluster_state.state import ClusterState
from ..model.records import JOB_DONE, DesiredState, UnitState


def units_down(machine: str, state: ClusterState) -> dict[str, str]:
    """The units that are to be on a machine and are not up, and what they are reported to be."""
    wanted = {on for on, to in state.plan().global_placements.items() if machine in to}
    wanted |= {unit for unit in state.schedule if machine in state.assigned(unit)}
    found: dict[str, str] = {}
    for unit in wanted:
        desired, report = state.units.get(unit), state.reported(unit).get(machine)
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
