"""Words for an overview, which the screen and the page have in common (pure)."""

from collections import Counter

from ..state.unit_state import LOST
from .events import Kind, counted
from .overview import Overview, UnitRow

NOWHERE = "on no machine"
BAD = {"failed", LOST}
FIRST = {*BAD, NOWHERE}
"""What is told first: of a narrow line, the end is cut off."""
LOUD = {Kind.LOST, Kind.FAILED}
"""Events that somebody should look at."""


def headline(overview: Overview) -> str:
    """The cluster in one line."""
    machines = Counter(row.is_lost for row in overview.machines.values())
    lost = f" ({machines[True]} lost)" * bool(machines[True])
    found = Counter(_word(row) for row in overview.units.values())
    ordered = sorted(found.items(), key=lambda one: (one[0] not in FIRST, -one[1], one[0]))
    parts = [f"{count} {word}" for word, count in ordered]
    units = len({row.unit for row in overview.units.values()})
    told = f": {', '.join(parts)}" if parts else ""
    return f"{counted(machines[False], 'machine')}{lost}, {counted(units, 'unit')}{told}"


def _word(row: UnitRow) -> str:
    return NOWHERE if not row.machine else row.active


def is_trouble(row: UnitRow) -> bool:
    """Whether somebody should look: it failed, nobody knows how it does, or it is nowhere."""
    return row.active in BAD or not row.machine or bool(row.problem) or "restart" in row.sub


def state_text(row: UnitRow) -> str:
    """Systemd's words, the second where it says more."""
    if row.active in ("failed", "active"):
        return row.active if row.sub == row.active else f"{row.active} {row.sub}"
    return f"{row.active} ({row.sub})" if row.active == LOST else row.sub or row.active
