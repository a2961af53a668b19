"""Unit states: systemd's words for how a unit does, and whether it runs (pure)."""

from ...cluster_state.placement import SERVING
from ...cluster_state.state import ClusterState


def is_active_on(machine: str, name: str, view: ClusterState) -> bool:
    """Whether a machine reports that the unit runs."""
    state = view.reported(name).get(machine)
    return state is not None and state.active in SERVING


def is_active(name: str, view: ClusterState) -> bool:
    """Whether the unit runs, on all machines where it is."""
    states = view.reported(name).values()
    return bool(states) and all(state.active in SERVING for state in states)
