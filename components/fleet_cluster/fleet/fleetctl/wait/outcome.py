"""Outcomes of a wait condition: waiting, reached, failed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...cluster_state.state import ClusterState
from ...model.records import UnitState


@dataclass(frozen=True)
class Waiting:
    """Outcome: still under way."""

    why: str
    machine: str = ""
    """The id of the machine where systemd is at work on the unit, if it is."""
    again: float | None = None
    """After how many seconds to look again, though nothing has changed by then."""


@dataclass(frozen=True)
class Reached:
    """Outcome: the unit is there."""

    message: str
    """What the operator reads."""
    note: str = ""
    """What the operator reads in any case: that systemd skipped the unit, and why."""


@dataclass(frozen=True)
class Failed:
    """Outcome: it cannot get there by waiting."""

    reason: str
    machine: str = ""
    """The id of the machine where the unit failed; empty when it is on none."""
    journal: str = ""
    """The last lines of its journal then, as its machine reported them."""


@dataclass(frozen=True)
class Unplaced(Failed):
    """Outcome: the unit fits on no machine, and starts when one comes that it fits on."""


CHANGED_MEANWHILE = Failed("someone else changed it meanwhile; see: fleetctl list-unit-files")
"""Outcome of a condition on a unit whose record is not the one that is waited for."""

Outcome = Waiting | Reached | Failed
WaitCondition = Callable[[ClusterState], Outcome]
"""How far a unit is, in the cluster's state as it is now."""
MachineCheck = Callable[[str, UnitState, ClusterState], Outcome]
"""How far a unit is on one machine: by the machine's id, and what it reports of the unit."""

Reports = Mapping[str, UnitState]
"""What is reported of one unit, by machine."""
