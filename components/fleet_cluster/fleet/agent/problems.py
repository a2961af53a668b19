"""Problems of units: why this machine cannot do as it is assigned, for the log and the report."""

import logging
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from ..journal_log import about
from ..model.printable import printable
from .assignments import Assigned

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """Why a unit cannot be written or started: with this assignment, in this attempt."""

    revision: int
    attempt: int
    reason: str


class Problems:
    """Problems by unit, each kept until it is solved or the assignment is another one."""

    def __init__(self) -> None:
        self.has_news = False
        """A problem was logged since this was last set to False."""
        self._attempt = 0
        self._by_unit: dict[str, Problem] = {}

    def reason(self, name: str) -> str:
        """A unit's problem, in words; empty when it has none."""
        return self._by_unit[name].reason if name in self._by_unit else ""

    def blocks(self, name: str, assigned: Assigned) -> bool:
        """Whether the same would fail for the same reason as before."""
        problem = self._by_unit.get(name)
        if problem is None:
            return False
        return (problem.revision, problem.attempt) == (assigned.revision, self._attempt)

    def add(self, name: str, revision: int, reason: str) -> None:
        """Log a problem when it is new, and remember it for the report."""
        known = self._by_unit.get(name)
        if known is None or (known.revision, known.reason) != (revision, reason):
            shown = printable(f"{name}: {reason}")
            log.error("%s", shown, extra=about("problem", name, revision=revision))
            self.has_news = True
        self._by_unit[name] = Problem(revision, self._attempt, reason)

    def solve(self, names: Iterable[str]) -> None:
        """Forget the problems of these units."""
        for name in names:
            self._by_unit.pop(name, None)

    def begin_attempt(self) -> None:
        """Block nothing any more: what failed may succeed now."""
        self._attempt += 1

    def prune(self, present: Set[str], assignments: Mapping[str, Assigned]) -> None:
        """Forget problems of units that are gone, and of assignments that were replaced."""
        for name, problem in list(self._by_unit.items()):
            assigned = assignments.get(name)
            is_older = assigned is not None and 0 < problem.revision < assigned.revision
            if name not in present or is_older:
                del self._by_unit[name]
