"""Unplaced units: the reasons why no machine fits (pure)."""

from ...cluster_state.state import ClusterState
from ..cli.names import legend


def unplaced_reasons(name: str, view: ClusterState) -> str | None:
    """Reasons why a unit fits on no machine, one line per machine; None if it fits on one."""
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
