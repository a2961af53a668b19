"""The lines of the screen: an overview and its history as text, in as many columns (pure)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto

from ...model.printable import printable
from ...unitfiles.resources import cpus_text, memory_text
from ..live.events import Event
from ..live.history import History
from ..live.overview import MachineRow, Place, UnitRow
from ..live.words import LOUD, is_trouble, state_text
from ..state.unit_state import LOST

GAP = 2
WIDE = 100
"""From so many columns on, there is room for what units reserve, and for what is wrong."""
LEAST_NOTE = 16
AGES = ((86400, "d"), (3600, "h"), (60, "m"))


class Tone(Enum):
    """How a line is to look; what it says is always in its words as well."""

    PLAIN = auto()
    QUIET = auto()
    TROUBLE = auto()


@dataclass(frozen=True)
class Line:
    """A line, and what it is about: a machine's id, or a unit's place; of events nothing."""

    text: str
    tone: Tone = Tone.PLAIN
    key: Place | str = ""


@dataclass(frozen=True)
class Table:
    """A title and the lines below it."""

    title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class _Column:
    title: str
    width: int
    """0: what the others leave."""
    is_number: bool = False


_MACHINE = (
    _Column("MACHINE", 12),
    _Column("ADDRESS", 15),
    _Column("UNITS", 5, is_number=True),
    _Column("MEMORY", 9, is_number=True),
    _Column("CPUS", 6, is_number=True),
    _Column("STATE", 0),
)
_PLACE = (_Column("MACHINE", 12), _Column("STATE", 18))
_TIMES = (_Column("SINCE", 5, is_number=True), _Column("RESTARTS", 8, is_number=True))
_RESERVED = (_Column("MEMORY", 7, is_number=True), _Column("CPUS", 5, is_number=True))


def machine_table(history: History, width: int, now: float) -> Table:
    """The machines, in as many columns of the terminal; `now` as of `unit_table`."""
    overview = history.overview
    ordered = sorted(overview.machines.values(), key=lambda row: (row.name or "~", row.id))
    lines = [
        Line(
            _joined(_machine_cells(row, history, now), _MACHINE, width), _machine_tone(row), row.id
        )
        for row in ordered
    ]
    return Table(_title(_MACHINE, width), lines)


def _machine_cells(row: MachineRow, history: History, now: float) -> list[str]:
    lost_at = history.lost_since.get(row.id)
    return [
        history.overview.name_of(row.id),
        row.address,
        str(row.units),
        _part(row.memory, row.memory_total, memory_text),
        _part(row.cpu, row.cpu_total, cpus_text),
        f"{LOST} {age(now - lost_at)}" if lost_at else row.state or "ready",
    ]


def _part(reserved: int, total: int, text: Callable[[int], str]) -> str:
    return f"{text(reserved)}/{text(total)}" if total else "-"


def _machine_tone(row: MachineRow) -> Tone:
    if not row.state:
        return Tone.PLAIN
    return Tone.TROUBLE if row.is_lost or "sick:" in row.state else Tone.QUIET


def unit_table(history: History, width: int, now: float, *, only_trouble: bool = False) -> Table:
    """The units. `now`: by the clock of the machine that is heard; `only_trouble`: not the rest."""
    overview = history.overview
    rows = [row for row in overview.units.values() if not only_trouble or is_trouble(row)]
    columns = _unit_columns(rows, width)
    lines = [
        Line(
            _joined(_unit_cells(row, history, now, columns), columns, width),
            Tone.TROUBLE if is_trouble(row) else Tone.PLAIN,
            (row.unit, row.machine),
        )
        for row in rows
    ]
    return Table(_title(columns, width), lines)


def _unit_columns(rows: Iterable[UnitRow], width: int) -> tuple[_Column, ...]:
    fixed = (*_PLACE, *_TIMES, *(_RESERVED if width >= WIDE else ()))
    left = width - sum(one.width + GAP for one in fixed)
    name = max([12, *(len(row.unit) for row in rows)])
    if left - name - GAP < LEAST_NOTE:
        return _Column("UNIT", max(left, 8)), *fixed
    return _Column("UNIT", name), *fixed, _Column("WHY", 0)


def _unit_cells(
    row: UnitRow, history: History, now: float, columns: Sequence[_Column]
) -> list[str]:
    again = history.restarts[row.unit, row.machine]
    cells = {
        "UNIT": row.unit,
        "MACHINE": history.overview.name_of(row.machine) if row.machine else "-",
        "STATE": state_text(row),
        "SINCE": age(now - row.since) if row.since else "-",
        "RESTARTS": str(again) if again else "-",
        "MEMORY": memory_text(row.memory) if row.memory else "-",
        "CPUS": cpus_text(row.cpu) if row.cpu else "-",
        "WHY": row.problem,
    }
    return [cells[one.title] for one in columns]


def age(seconds: float) -> str:
    """How long ago, in the largest unit that fits: 12s, 3m, 2h, 5d."""
    for size, letter in AGES:
        if seconds >= size:
            return f"{int(seconds // size)}{letter}"
    return f"{int(max(seconds, 0))}s"


def event_table(happened: Iterable[Event], width: int) -> Table:
    """What has happened, the newest first."""
    lines = [
        Line(
            cut(f"{_clock(one.at)}  {one.kind:<7} {printable(one.text)}", width),
            Tone.TROUBLE if one.kind in LOUD else Tone.PLAIN,
        )
        for one in happened
    ]
    return Table(cut("UTC       EVENTS of the last 15 minutes", width), lines)


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _title(columns: Sequence[_Column], width: int) -> str:
    return _joined([one.title for one in columns], columns, width)


def _joined(cells: Sequence[str], columns: Sequence[_Column], width: int) -> str:
    """Cells below each other, each as far as it fits."""
    parts = [_fitted(printable(cell), one) for cell, one in zip(cells, columns, strict=True)]
    return cut((" " * GAP).join(parts).rstrip(), width)


def _fitted(cell: str, column: _Column) -> str:
    if not column.width:
        return cell
    short = cut(cell, column.width)
    return short.rjust(column.width) if column.is_number else short.ljust(column.width)


def cut(text: str, width: int) -> str:
    """The text, as far as it fits; a dot at its end says that there is more."""
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"
