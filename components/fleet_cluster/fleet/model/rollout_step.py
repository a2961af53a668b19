"""Rollout steps: what a rollout did to a unit, and how long that took."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from .record import Record


@dataclass(frozen=True)
class RolloutStep(Record):
    """Rollout step: from the moment when a unit was changed until it was healthy.

    It is not in etcd: `fleetctl` on a machine tells it to who asked for the rollout. Pulumi keeps
    what `fleetctl apply` has printed, and so its steps, in the stack's state.
    """

    kind: ClassVar[str] = "rollout step"

    unit: str
    change: str
    """rolled, started or rolled back."""
    machine: str
    """Its host name; of a Global unit, how many machines."""
    began: float
    """Seconds since 1970, by the clock of the machine where `fleetctl` ran."""
    ended: float


OnStep = Callable[[RolloutStep], None]
"""What is called with each step of a rollout, when it is done."""
