"""Migrations: units that get to another machine although theirs is well (drained, or rebalanced).

Pure. A unit with `StartFirst` is started on its new machine first, and is stopped on the old one
when it is up there; a unit and those that follow it do so together. All others are stopped first,
of each template one at a time, so that at least the others serve.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..cluster_state.placement import UP
from ..cluster_state.state import ClusterState
from ..model.records import DesiredState
from ..scheduler.schedule import Plan
from ..unitfiles.names import template_of


@dataclass(frozen=True)
class _Migration:
    """A unit on its way, with all that follow it."""

    source: str
    home: str
    units: list[str] = field(default_factory=list[str])


class Migrations:
    """Units that may migrate now: which first start where they go, and which have to wait."""

    def __init__(self, state: ClusterState, plan: Plan, current: Mapping[str, str]) -> None:
        self.sources: dict[str, str] = {}
        """Unit to the machine where it runs on until it is up on the new one."""
        self.postponed: dict[str, str] = {}
        """Unit to the machine where it stays for now."""
        self._state = state
        self._busy: dict[str, bool] = {}
        migrations = self._found(plan, current)
        for root in sorted(migrations):
            for migration in migrations[root].values():
                self._decide(root, migration)

    def _found(
        self, plan: Plan, current: Mapping[str, str]
    ) -> Mapping[str, Mapping[tuple[str, str], _Migration]]:
        """By the unit that the others follow; theirs may differ when a move is half done."""
        found: defaultdict[str, dict[tuple[str, str], _Migration]] = defaultdict(dict)
        for unit, home in plan.placements.items():
            source = self._source(unit, home, current)
            if source and self._state.is_to_leave(unit, source):
                root = [unit, *self._state.followed_by(unit)][-1]
                migration = found[root].setdefault((source, home), _Migration(source, home))
                migration.units.append(unit)
        return found

    def _source(self, unit: str, home: str, current: Mapping[str, str]) -> str | None:
        """The other machine that has the unit and was not yet told to stop it."""
        state, here = self._state, self._state.assignments(unit)
        leaving = [on for on in here if on != home and state.is_moving_away(unit, on)]
        source = min(leaving, default=current.get(unit))
        if source is None or source == home or source not in state.machines:
            return None
        return source if state.assignment(unit, source) else None

    def _decide(self, root: str, migration: _Migration) -> None:
        first = [unit for unit in migration.units if self._starts_first(unit)]
        if root in first:
            if not all(self._is_there(unit, migration) for unit in first):
                self.sources.update(dict.fromkeys(first, migration.source))
                later = set(migration.units) - set(first)
                self.postponed.update(dict.fromkeys(later, migration.source))
        elif self._is_template_busy(root, migration):
            # One that started first, and does so no more, is where it goes already.
            units = [u for u in migration.units if not self._state.assignment(u, migration.home)]
            self.postponed.update(dict.fromkeys(units, migration.source))
        else:
            self._busy[template_of(root) or root] = True

    def _starts_first(self, unit: str) -> bool:
        """All that it follows have to start first too."""
        state = self._state
        asked = state.asked(unit)
        return (
            asked is not None
            and asked.desired_state is DesiredState.LAUNCHED
            and all(state.wanted[name].starts_first for name in (unit, *state.followed_by(unit)))
        )

    def _is_there(self, unit: str, migration: _Migration) -> bool:
        """Whether nothing is lost when the unit is stopped where it was."""
        state, home = self._state, migration.home
        reports = state.reports(unit)
        before, now = reports.get(migration.source), reports.get(home)
        # What still runs there from before, and is to stop, does not count.
        has_arrived = state.assignment(unit, home) and state.serves(unit, home)
        if before is None or before.active not in UP or has_arrived:
            return True
        return self._is_forced(migration.source) and now is not None and now.active == "failed"

    def _is_template_busy(self, root: str, migration: _Migration) -> bool:
        """Whether another unit of its template is not up, so that this one has to serve."""
        template = template_of(root)
        if template is None:
            return False
        if template not in self._busy:
            others = (unit for unit in self._state.units if template_of(unit) == template)
            forced = self._is_forced(migration.source)
            self._busy[template] = any(
                not is_at_ease(unit, self._state, forced) for unit in others if unit != root
            )
        return self._busy[template]

    def _is_forced(self, machine: str) -> bool:
        eligibility = self._state.eligibility.get(machine)
        return eligibility is not None and eligibility.force


def is_at_ease(unit: str, state: ClusterState, forced: bool) -> bool:
    """Whether a unit is as it is wanted: up, or done; `forced`: one that failed counts too."""
    asked = state.asked(unit)
    if (
        asked is None
        or asked.desired_state is not DesiredState.LAUNCHED
        or unit not in state.wanted
    ):
        return True
    if any(one.completed for one in state.assignments(unit).values()):
        return True
    return any(
        state.serves(unit, machine)
        or (report.active == "inactive" and report.since > 0)
        or (forced and report.active == "failed")
        for machine, report in state.reports(unit).items()
    )


def obsolete_moves(state: ClusterState, plan: Plan) -> Iterator[str]:
    """The units whose moves are done, or cannot be done."""
    for unit, move in state.moves.items():
        here = state.assignments(unit).keys() | state.reports(unit).keys()
        there = plan.placements.get(unit)
        if move.origin not in here or there != move.destination or there == move.origin:
            yield unit
