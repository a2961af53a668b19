"""Planned steps: what a plan does to one unit on one machine (pure)."""

from dataclasses import dataclass
from enum import StrEnum


class PlannedAction(StrEnum):
    """Action on a unit on a machine."""

    START = "start"
    LOAD = "load"
    RESTART = "restart"
    MOVE = "move"
    STOP = "stop"


STARTING = (PlannedAction.START, PlannedAction.RESTART, PlannedAction.MOVE)


@dataclass(frozen=True)
class PlannedStep:
    """Step of the plan: one unit on one machine."""

    batch: int
    """Steps of one batch happen at the same time; the first is 0."""
    unit: str
    action: PlannedAction
    source: str
    """The id of the machine where it is; empty when it is on none."""
    destination: str
    """The id of the machine where it is to be; empty when it is to be on none."""
    why: str
    was_up: bool
    """Whether it is active now."""
