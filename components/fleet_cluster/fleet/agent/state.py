"""The state that one round of the agent goes by: assignments, statuses, and next actions."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from ..systemd.manager import UNKNOWN, Systemd, UnitStatus
from ..unitfiles.names import UnitFileError, check_runs
from .actions import Action, next_action
from .assignments import Assigned
from .checkpoint import LocalUnit


@dataclass(frozen=True)
class AgentState:
    """What was found at the beginning of a round."""

    assignments: Mapping[str, Assigned]
    """Those that are followed."""
    unreadable: Set[str]
    """Units whose assignment is no readable record."""
    present: Set[str]
    """Units that this machine reports: those that it has, and those that it is to have."""
    statuses: Mapping[str, UnitStatus]
    actions: Mapping[Action, list[str]]
    foreign: Mapping[str, str]
    """Units to be written of whose name the machine has one of its own: the file of that."""

    def status(self, name: str) -> UnitStatus:
        """The status of a unit, also of one that systemd was not asked about."""
        return self.statuses.get(name, UNKNOWN)


def observe(
    systemd: Systemd,
    units: Mapping[str, LocalUnit],
    assignments: Mapping[str, Assigned],
    unreadable: Set[str],
    running: Set[str] = frozenset(),
) -> AgentState:
    """The state now. `units`: those of the checkpoint; `running`: see `Agent.reconcile`.

    Raises:
        SystemdError: systemd does not answer.
    """
    names = units.keys() | assignments.keys()
    statuses = systemd.follow(sorted(name for name in names if not misnomer(name)))
    actions: dict[Action, list[str]] = {action: [] for action in Action}
    for name in sorted(names - unreadable):
        assignment = assignments[name].assignment if name in assignments else None
        status = statuses.get(name, UNKNOWN)
        action = next_action(units.get(name), assignment, status)
        if action in (Action.WRITE, Action.REMOVE) and name in running:
            action = Action.NOTHING  # It has just ended: that is reported in the next round.
        actions[action].append(name)
    new = [name for name in actions[Action.WRITE] if name not in units]
    return AgentState(
        assignments=assignments,
        unreadable=unreadable,
        present=units.keys() | {name for name, one in assignments.items() if one.is_here},
        statuses=statuses,
        actions=actions,
        foreign=_foreign(systemd, new, statuses),
    )


def misnomer(name: str) -> str:
    """Why no unit of this name can run; empty when one can. systemd is not asked about it."""
    try:
        check_runs(name)
    except UnitFileError as error:
        return str(error)
    return ""


def _foreign(
    systemd: Systemd, new: Iterable[str], statuses: Mapping[str, UnitStatus]
) -> Mapping[str, str]:
    """Of units that fleet does not have here, those that the machine has: the file of each."""
    loads = {name: statuses.get(name, UNKNOWN).load for name in new}
    there = [name for name, load in loads.items() if load not in (UNKNOWN.load, "masked")]
    return systemd.origins(there) if there else {}
