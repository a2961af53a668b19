"""How units get to another machine although theirs is well: drained, or rebalanced. Pure.

A unit with `StartFirst` is started on its new machine first, and is stopped on the old one when
it is up there; a unit and those that follow it do so together. All others are stopped first, of
each template one at a time, so that at least the others serve.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    MachineState,
    Move,
    Unit,
    UnitState,
)
from ..scheduler.schedule import Plan
from ..unitfiles.names import template_of
from ..unitfiles.requirements import Requirements

_UP = ("active", "activating", "reloading")
_SERVING = ("active", "reloading")


@dataclass(frozen=True)
class Facts:
    """What is decided on; assignments and reports by unit, then by machine, of live ones."""

    units: Mapping[str, Unit]
    requirements: Mapping[str, Requirements]
    machines: Mapping[str, MachineState]
    marks: Mapping[str, Eligibility]
    moves: Mapping[str, Move]
    entries: Mapping[str, Mapping[str, Assignment]]
    reports: Mapping[str, Mapping[str, UnitState]]

    def is_leaving(self, unit: str, machine: str) -> bool:
        """Whether the unit runs here only until it is up elsewhere.

        If that machine is lost, or the reason to go has ended before it was up there, it stays.
        """
        entry = self.entries[unit].get(machine)
        if (
            entry is None
            or entry.desired_state is DesiredState.INACTIVE
            or entry.destination not in self.machines
        ):
            return False
        incoming = self.entries[unit].get(entry.destination)
        if incoming is None or incoming.desired_state is DesiredState.INACTIVE:
            return False
        return self._has_to_go(unit, machine) or self.serves(unit, entry.destination)

    def told(self, unit: str, machine: str) -> Assignment | None:
        """What has the unit run on a machine; what it holds there, it is as good as told."""
        entry, state = self.entries[unit].get(machine), self.reports[unit].get(machine)
        if entry is None and state and state.orphan and state.active in _UP:
            return Assignment(state.sha, DesiredState.LAUNCHED)
        return entry if entry and entry.desired_state is not DesiredState.INACTIVE else None

    def serves(self, unit: str, machine: str) -> bool:
        """Whether the unit is up on a machine, with the file that it is to have."""
        state, wanted = self.reports[unit].get(machine), self.units.get(unit)
        return (
            state is not None
            and wanted is not None
            and state.active in _SERVING
            and state.sha == wanted.sha
        )

    def is_chosen(self, unit: str, source: str) -> bool:
        """Whether an operator wants the unit, or one that it follows, off its machine."""
        chain = [unit, *self.followed(unit)]
        return any(self._has_to_go(name, source) for name in chain)

    def followed(self, unit: str) -> list[str]:
        """The units that this one follows, and those that they follow; Global ones left out."""
        found: dict[str, None] = {}
        pending = [unit]
        while pending:
            asked = self.requirements.get(pending.pop())
            for peer in asked.machine_of if asked else ():
                other = self.requirements.get(peer)
                if other and not other.is_global and peer not in found and peer != unit:
                    found[peer] = None
                    pending.append(peer)
        return list(found)

    def _has_to_go(self, unit: str, machine: str) -> bool:
        mark, move = self.marks.get(machine), self.moves.get(unit)
        return bool(mark and mark.draining) or bool(move and move.origin == machine)


@dataclass(frozen=True)
class _Migration:
    """A unit on its way, with all that follow it."""

    source: str
    home: str
    units: list[str] = field(default_factory=list[str])


class Migrations:
    """Which units may go now, which first start where they go, and which have to wait."""

    def __init__(self, facts: Facts, plan: Plan, current: Mapping[str, str]) -> None:
        self.sources: dict[str, str] = {}
        """Unit to the machine where it runs on until it is up on the new one."""
        self.held: dict[str, str] = {}
        """Unit to the machine where it stays for now."""
        self._facts = facts
        self._busy: dict[str, bool] = {}
        journeys = self._found(plan, current)
        for root in sorted(journeys):
            for journey in journeys[root].values():
                self._decide(root, journey)

    def _found(
        self, plan: Plan, current: Mapping[str, str]
    ) -> Mapping[str, Mapping[tuple[str, str], _Migration]]:
        """By the unit that the others follow; theirs may differ when a move is half done."""
        found: defaultdict[str, dict[tuple[str, str], _Migration]] = defaultdict(dict)
        for unit, home in plan.placements.items():
            source = self._source(unit, home, current)
            if source and self._facts.is_chosen(unit, source):
                root = [unit, *self._facts.followed(unit)][-1]
                journey = found[root].setdefault((source, home), _Migration(source, home))
                journey.units.append(unit)
        return found

    def _source(self, unit: str, home: str, current: Mapping[str, str]) -> str | None:
        """The other machine that has the unit and was not yet told to stop it."""
        entries = self._facts.entries[unit]
        leaving = [m for m in entries if m != home and self._facts.is_leaving(unit, m)]
        source = min(leaving, default=current.get(unit))
        if source is None or source == home or source not in self._facts.machines:
            return None
        return source if self._facts.told(unit, source) else None

    def _decide(self, root: str, journey: _Migration) -> None:
        first = [unit for unit in journey.units if self._starts_first(unit)]
        if root in first:
            if not all(self._is_there(unit, journey) for unit in first):
                self.sources.update(dict.fromkeys(first, journey.source))
                later = set(journey.units) - set(first)
                self.held.update(dict.fromkeys(later, journey.source))
        elif self._is_template_busy(root, journey):
            self.held.update(dict.fromkeys(journey.units, journey.source))
        else:
            self._busy[template_of(root) or root] = True

    def _starts_first(self, unit: str) -> bool:
        """All that it follows have to start first too."""
        facts = self._facts
        return facts.units[unit].desired_state is DesiredState.LAUNCHED and all(
            facts.requirements[name].starts_first for name in (unit, *facts.followed(unit))
        )

    def _is_there(self, unit: str, journey: _Migration) -> bool:
        """Whether nothing is lost when the unit is stopped where it was."""
        reports = self._facts.reports[unit]
        before, now = reports.get(journey.source), reports.get(journey.home)
        # What still runs there from before, and is to stop, does not count.
        arrived = self._facts.told(unit, journey.home) and self._facts.serves(unit, journey.home)
        if before is None or before.active not in _UP or arrived:
            return True
        return self._is_forced(journey.source) and now is not None and now.active == "failed"

    def _is_template_busy(self, root: str, journey: _Migration) -> bool:
        """Whether another unit of its template is not up, so that this one has to serve."""
        template = template_of(root)
        if template is None:
            return False
        if template not in self._busy:
            others = (unit for unit in self._facts.units if template_of(unit) == template)
            forced = self._is_forced(journey.source)
            self._busy[template] = any(
                not is_at_ease(unit, self._facts, forced) for unit in others if unit != root
            )
        return self._busy[template]

    def _is_forced(self, machine: str) -> bool:
        mark = self._facts.marks.get(machine)
        return mark is not None and mark.force


def is_at_ease(unit: str, facts: Facts, forced: bool) -> bool:
    """Whether a unit is as it is wanted: up, or done; `forced`: one that failed counts too."""
    if (
        facts.units[unit].desired_state is not DesiredState.LAUNCHED
        or unit not in facts.requirements
    ):
        return True
    if any(entry.completed for entry in facts.entries[unit].values()):
        return True
    return any(
        facts.serves(unit, machine)
        or (state.active == "inactive" and state.since > 0)
        or (forced and state.active == "failed")
        for machine, state in facts.reports[unit].items()
    )


def obsolete_moves(facts: Facts, plan: Plan) -> Iterator[str]:
    """The units whose moves are done, or cannot be done."""
    for unit, move in facts.moves.items():
        here = facts.entries[unit].keys() | facts.reports[unit].keys()
        there = plan.placements.get(unit)
        if move.origin not in here or there != move.destination or there == move.origin:
            yield unit
