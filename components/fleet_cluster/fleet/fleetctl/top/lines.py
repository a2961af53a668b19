"""The lines of the screen: what is known of the cluster as text, in as many columns (pure)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto

from ...model.printable import printable
from ...unitfiles.resources import CPU, cpus_text, memory_text
from ..live.events import Event
from ..live.history import History
from ..live.overview import MachineRow, Place, UnitRow
from ..live.words import LOUD, is_trouble, state_text
from ..state.unit_state import LOST
from ..usage.figures import Figures
from ..usage.sample import MachineUsage, UnitUsage

WIDE = 120
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
    field: str = ""
    """What is in it, where another column has the same title."""


_MACHINE = _Column("MACHINE", 12)
_STATE = _Column("STATE", 0)
_LOAD = (
    _Column("UNITS", 5, is_number=True),
    _Column("CPUS", 7, is_number=True),
    _Column("MEMORY", 10, is_number=True),
    _Column("FREE", 6, is_number=True),
    _Column("LEASE", 5, is_number=True),
)
_CPUS, _MEMORY = _LOAD[1:3]
_RESERVED = (
    _Column("RESERVED", 8, is_number=True, field="cpu"),
    _Column("RESERVED", 8, is_number=True, field="memory"),
)
_NARROW_MACHINE = (_MACHINE, *_LOAD, _STATE)
_WIDE_MACHINE = (
    *(_MACHINE, _Column("ADDRESS", 15), _LOAD[0]),
    *(_CPUS, _RESERVED[0], _MEMORY, _RESERVED[1]),
    *(*_LOAD[3:], _STATE),
)
_TIMES = (_Column("SINCE", 5, is_number=True), _Column("RESTARTS", 8, is_number=True))
_USED = (_Column("CPUS", 5, is_number=True), _Column("MEMORY", 6, is_number=True))
_NARROW_UNIT = (_MACHINE, _Column("STATE", 14), *_TIMES, *_USED)
_WIDE_UNIT = (
    *(_MACHINE, _Column("STATE", 18), *_TIMES),
    *(_USED[0], _RESERVED[0], _USED[1], _RESERVED[1]),
)


class Order(Enum):
    """Order of the rows: by name, or what uses the most first."""

    NAME = auto()
    CPU = auto()
    MEMORY = auto()

    def first(self, usage: UnitUsage | MachineUsage | None) -> int:
        """The smaller, the earlier; what nobody has said comes last."""
        if self is Order.NAME or usage is None:
            return 0
        used = usage.cpu if self is Order.CPU else usage.memory
        return -1 - used if used is not None else 0


@dataclass(frozen=True)
class Content:
    """Content of the screen."""

    history: History
    figures: Figures
    now: float
    """By the clock of the machine that is heard: seconds since 1970."""
    order: Order = Order.NAME


def machine_table(content: Content, width: int) -> Table:
    """The machines, in as many columns of the terminal."""
    overview = content.history.overview
    columns = _WIDE_MACHINE if _is_wide(width) else _NARROW_MACHINE
    usages = {id: content.figures.machine(id) for id in overview.machines}
    ordered = sorted(
        overview.machines.values(),
        key=lambda row: (content.order.first(usages[row.id]), row.name or "~", row.id),
    )
    lines = [
        Line(
            _joined(_machine_cells(row, usages[row.id], content), columns, width),
            _machine_tone(row),
            row.id,
        )
        for row in ordered
    ]
    return Table(_title(columns, width), lines)


def _machine_cells(row: MachineRow, usage: MachineUsage | None, content: Content) -> dict[str, str]:
    lost_at = content.history.lost_since.get(row.id)
    lease_age = content.history.lease_age(row.id, content.now)
    return {
        "MACHINE": content.history.overview.name_of(row.id),
        "ADDRESS": row.address,
        "UNITS": str(row.units),
        "CPUS": _part(usage and _cpus(usage.cpu), row.cpu_total, cpus_text),
        "cpu": cpus_text(row.cpu) if row.cpu_total else "-",
        "MEMORY": _part(usage and _amount(usage.memory), row.memory_total, _amount),
        "memory": _amount(row.memory) if row.memory_total else "-",
        "FREE": _amount(usage.fullest.free) if usage and usage.fullest else "-",
        "LEASE": "-" if lease_age is None else f"{lease_age}s",
        "STATE": f"{LOST} {age(content.now - lost_at)}" if lost_at else row.state or "ready",
    }


def _part(used: str | None, total: int, text: Callable[[int], str]) -> str:
    """What is used, of how much; also where only one of them is known."""
    known = f"/{text(total)}" if total else ""
    return f"{used or '-'}{known}" if used or known else "-"


def _cpus(cpu: int) -> str:
    return f"{cpu / CPU:.2f}"


def _amount(size: int) -> str:
    """An amount of memory in few letters: 1.5G, 812M."""
    text = memory_text(size)
    number, suffix = text[:-1], text[-1]
    return f"{float(number):.0f}{suffix}" if "." in number and float(number) >= 10 else text


def _machine_tone(row: MachineRow) -> Tone:
    if not row.state:
        return Tone.PLAIN
    return Tone.TROUBLE if row.is_lost or "sick:" in row.state else Tone.QUIET


def unit_table(content: Content, width: int, *, only_trouble: bool = False) -> Table:
    """The units. `only_trouble`: not the rest."""
    known = content.history.overview.units
    usages = {place: content.figures.unit(*place) for place in known}
    found = [one for one, row in known.items() if not only_trouble or is_trouble(row)]
    places = sorted(found, key=lambda one: content.order.first(usages[one]))
    columns = _unit_columns([known[one] for one in places], width)
    lines = [
        Line(
            _joined(_unit_cells(known[one], usages[one], content), columns, width),
            Tone.TROUBLE if is_trouble(known[one]) else Tone.PLAIN,
            one,
        )
        for one in places
    ]
    return Table(_title(columns, width), lines)


def _unit_columns(rows: Iterable[UnitRow], width: int) -> tuple[_Column, ...]:
    fixed, gap = _WIDE_UNIT if _is_wide(width) else _NARROW_UNIT, _gap(width)
    left = width - sum(one.width + gap for one in fixed)
    name = max([12, *(len(row.unit) for row in rows)])
    if left - name - gap < LEAST_NOTE:
        return _Column("UNIT", max(left, 8)), *fixed
    return _Column("UNIT", name), *fixed, _Column("WHY", 0)


def _unit_cells(row: UnitRow, usage: UnitUsage | None, content: Content) -> dict[str, str]:
    again = content.history.restarts[row.unit, row.machine]
    cpu, memory = (usage.cpu, usage.memory) if usage else (None, None)
    return {
        "UNIT": row.unit,
        "MACHINE": content.history.overview.name_of(row.machine) if row.machine else "-",
        "STATE": state_text(row),
        "SINCE": age(content.now - row.since) if row.since else "-",
        "RESTARTS": str(again) if again else "-",
        "CPUS": "-" if cpu is None else _cpus(cpu),
        "MEMORY": "-" if memory is None else _amount(memory),
        "cpu": cpus_text(row.cpu) if row.cpu else "-",
        "memory": _amount(row.memory) if row.memory else "-",
        "WHY": row.problem,
    }


def _is_wide(width: int) -> bool:
    return width >= WIDE


def _gap(width: int) -> int:
    return 2 if _is_wide(width) else 1


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
    return _joined({one.field or one.title: one.title for one in columns}, columns, width)


def _joined(cells: Mapping[str, str], columns: Sequence[_Column], width: int) -> str:
    """Cells below each other, each as far as it fits."""
    parts = [_fitted(printable(cells[one.field or one.title]), one) for one in columns]
    return cut((" " * _gap(width)).join(parts).rstrip(), width)


def _fitted(cell: str, column: _Column) -> str:
    if not column.width:
        return cell
    short = cut(cell, column.width)
    return short.rjust(column.width) if column.is_number else short.ljust(column.width)


def cut(text: str, width: int) -> str:
    """The text, as far as it fits; a dot at its end says that there is more."""
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"
