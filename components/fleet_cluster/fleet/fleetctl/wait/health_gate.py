"""Health gate: what a unit has to pass before a rollout touches the next one (pure)."""

from collections.abc import Callable

from ...cluster_state.placement import SERVING
from ...cluster_state.state import ClusterState
from ...model.records import UnitState
from ..cli.names import legend
from .on_machines import describe
from .outcome import Failed, Outcome, Reached, Reports
from .start_tracker import StartTracker


class HealthGate:
    """Health gate of a unit that runs with a new file: whether it is to be relied on."""

    def __init__(self, name: str, before: Reports | None, clock: Callable[[], float]) -> None:
        self._name = name
        self._tracker = StartTracker(name, before, clock, max_restarts=1)
        self._active: dict[str, float] = {}
        """Since when it is active on a machine, by its clock."""

    def check(self, machine: str, state: UnitState, view: ClusterState) -> Outcome:
        """Outcome on a machine: failed also when the unit does not stay active."""
        outcome = self._tracker.check(machine, state, view)
        if isinstance(outcome, Failed) or view.is_oneshot(self._name):
            return outcome
        where = legend(machine, view.machines)
        if state.active in SERVING:
            if state.since != self._active.setdefault(machine, state.since):
                return Failed(f"it did not stay active on {where}: it was started again", machine)
        elif machine in self._active or isinstance(outcome, Reached):
            what = f"it did not stay active: {describe(state, machine, view)}"
            return Failed(what, machine, state.journal)
        return outcome
