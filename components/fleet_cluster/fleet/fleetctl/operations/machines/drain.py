"""Drain of a machine: the wait until it is empty."""

from collections.abc import Mapping
from time import monotonic

from ....cluster_state.placement import UP
from ....cluster_state.state import ClusterState
from ....model.records import DesiredState, Unit
from ....unitfiles.names import template_of
from ...cli.names import legend
from ...state.watcher import Watcher
from ...wait.desired_state import in_desired_state
from ...wait.outcome import Failed, Outcome, Reached, WaitCondition, Waiting
from ...wait.wait import Wait


def drain(watcher: Watcher, machine: str, timeout: float | None) -> Mapping[str, Failed]:
    """Wait until a machine that is to be drained has no units, Global ones last.

    Returns:
        The units that cannot leave, or that are not up where they went.

    Raises:
        TimedOutError: the time limit came first.
    """
    deadline = None if timeout is None else monotonic() + timeout
    view = watcher.state
    names = [name for name in view.units_on(machine) if not view.is_global(name)]
    conditions: dict[str, WaitCondition] = {
        name: MachineDrain(name, machine, view).check for name in names
    }
    failures = Wait(watcher, conditions, timeout).run()
    if failures:
        return failures
    left = None if deadline is None else max(deadline - monotonic(), 0)
    rest = {name: _gone(name, machine) for name in watcher.state.units_on(machine)}
    return Wait(watcher, rest, left).run()


class MachineDrain:
    """Drain of one unit: it is to leave a machine, and to be on another as it was here."""

    def __init__(self, name: str, machine: str, view: ClusterState) -> None:
        state = view.reported(name).get(machine)
        self._name = name
        self._machine = machine
        self._from = legend(machine, view.machines)
        self._was_up = state is not None and state.active in UP
        self._unit: Unit | None = None
        self._arrival: WaitCondition | None = None

    def check(self, view: ClusterState) -> Outcome:
        """Outcome: how far it is."""
        if view.has_completed(self._name):
            return Reached(f"{self._name} has done its work on {self._from}: nothing is to move")
        unit = view.units.get(self._name)
        is_here = self._machine in {*view.assigned(self._name), *view.reported(self._name)}
        if not is_here and (
            not unit or unit.desired_state is DesiredState.INACTIVE or not self._was_up
        ):
            return Reached(f"{self._name} has left {self._from}")
        if unit is None:
            return self._without_record(view)
        if self._machine in view.homes(self._name):
            return self._still_at_home(view)
        outcome = self._arrived(unit, view)
        if is_here and isinstance(outcome, Reached):
            return Waiting(f"it stops on {self._from}")
        if isinstance(outcome, Reached):
            to = ", ".join(legend(on, view.machines) for on in view.homes(self._name))
            return Reached(f"{self._name} moved from {self._from} to {to}")
        return outcome

    def _without_record(self, view: ClusterState) -> Outcome:
        state = view.reported(self._name).get(self._machine)
        if state and state.orphan:
            return Failed(
                "it runs without an instruction from this store, and has no record in it; "
                f"on the machine: systemctl stop {self._name}"
            )
        return Waiting(f"it stops on {self._from}")

    def _still_at_home(self, view: ClusterState) -> Outcome:
        if view.units[self._name].machine:
            return Waiting(f"what it runs on {self._from} goes on; to stop it: fleetctl destroy")
        reasons = view.plan().stuck.get(self._name)
        if reasons is not None:
            others = [f"  {legend(on, view.machines)}: {reasons[on]}" for on in sorted(reasons)]
            return Failed("\n".join(["it fits on no other machine, and stays:", *others]))
        for other in view.units:
            if other != self._name and template_of(other) == template_of(self._name):
                states = view.reported(other).values()
                if states and all(state.active == "failed" for state in states):
                    return Failed(f"it stays, because {other} has failed and cannot serve for it")
        return Waiting("fleet's leader has not moved it yet, or others of its template go first")

    def _arrived(self, unit: Unit, view: ClusterState) -> Outcome:
        if self._arrival is None or unit != self._unit:
            self._unit, self._arrival = unit, in_desired_state(self._name, unit, {})
        return self._arrival(view)


def _gone(name: str, machine: str) -> WaitCondition:
    def condition(view: ClusterState) -> Outcome:
        where = legend(machine, view.machines)
        if machine in view.assigned(name) or machine in view.reported(name):
            return Waiting(f"it stops on {where}")
        return Reached(f"{name} has left {where}")

    return condition
