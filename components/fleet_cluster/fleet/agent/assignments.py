"""Assignments of this machine: the records under `schedule/<machine>/`, each with its revision."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from ..journal_log import about
from ..kv import KeyValue
from ..model.keys import SCHEDULE, split_key
from ..model.record import BadRecordError
from ..model.records import Assignment, DesiredState

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Assigned:
    """An assignment, and the revision that it was written at."""

    assignment: Assignment
    revision: int

    @property
    def is_here(self) -> bool:
        """Whether the unit is to be on this machine."""
        return self.assignment.desired_state is not DesiredState.INACTIVE


def read_assignments(
    schedule: Mapping[str, KeyValue],
) -> tuple[dict[str, Assigned], dict[str, str]]:
    """The readable assignments, and why the others are not, by unit."""
    readable: dict[str, Assigned] = {}
    unreadable: dict[str, str] = {}
    for key, entry in schedule.items():
        _, name = split_key(key, SCHEDULE)
        try:
            readable[name] = Assigned(Assignment.from_json(entry.value), entry.mod_revision)
        except BadRecordError as error:
            unreadable[name] = str(error)
    return readable, unreadable


def log_action(event: str, verb: str, name: str, assigned: Assigned) -> None:
    """Log an action on a unit, with the assignment that it follows."""
    why = f"assigned {assigned.assignment.desired_state} at revision {assigned.revision}"
    log.info("%s %s: %s", verb, name, why, extra=about(event, name, revision=assigned.revision))
