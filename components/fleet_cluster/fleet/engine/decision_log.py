"""The log of what the leader has written: a line each, with fields for the journal."""

import logging
from collections.abc import Iterable

from ..cluster_state.placement import is_to_run
from ..cluster_state.service_names import Name
from ..journal_log import about
from .reconciler import Instruction

log = logging.getLogger(__name__)


def kind_of(change: Instruction) -> str:
    """The kind of an instruction, as it is counted and logged."""
    if change.assignment is None:
        return "forgotten"
    return "assigned" if is_to_run(change.assignment) else "withdrawn"


def log_instruction(change: Instruction, revision: int) -> None:
    """Log an instruction that was written at this revision."""
    given = change.assignment and is_to_run(change.assignment)
    verb = "assigned to" if given else "withdrawn from"
    log.info(
        "%s %s %s at revision %d: %s",
        change.unit,
        verb,
        change.machine,
        revision,
        change.reason,
        extra=about(kind_of(change), change.unit, change.machine, revision),
    )


def log_names(names: Iterable[Name], revision: int) -> None:
    """Log the names that were given at this revision."""
    for name in names:
        record = name.record
        log.info(
            "%s on %s is found at %s from revision %d on",
            record.unit,
            record.machine,
            record.host,
            revision,
            extra=about("named", record.unit, record.machine, revision),
        )
