"""Changes of an overview, as they are streamed: a JSON object a line (pure)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar, cast

from .overview import MachineRow, Overview, UnitRow

T = TypeVar("T", MachineRow, UnitRow)


class BadLineError(ValueError):
    """A line is no change of an overview."""


@dataclass(frozen=True)
class Change:
    """A change: the rows that are new or others than before, and what is gone."""

    at: float
    """When it was written: seconds since 1970, by the clock of the machine that wrote it."""
    is_whole: bool
    """Whether the rows are all that there are: what was before is forgotten."""
    lost: bool
    """Whether etcd does not answer there: what is shown may be old."""
    machines: Mapping[str, MachineRow | None]
    units: Mapping[tuple[str, str], UnitRow | None]
    """None for what is gone."""
    leases: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many seconds ago the lease of each machine was renewed, if that was asked just now."""
    every: float = 0.0
    """The seconds after which, at the latest, another line follows, also where nothing changes. In
    the first line alone; 0 in that of a version that may be silent."""

    def to_json(self) -> str:
        """The line, without its end."""
        told = {
            "at": self.at,
            "whole": self.is_whole,
            "lost": self.lost,
            "machines": [_sparse(row) or {"id": id} for id, row in self.machines.items()],
            "units": [
                _sparse(row) or {"unit": unit, "machine": machine}
                for (unit, machine), row in self.units.items()
            ],
            **({"leases": dict(self.leases)} if self.leases else {}),
            **({"every": self.every} if self.every else {}),
        }
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> "Change":
        """Read a line, perhaps of another version: what this one does not know is left out.

        Raises:
            BadLineError: it is none.
        """
        try:
            raw = json.loads(line)
            machines = [_row(MachineRow, one) for one in raw["machines"]]
            units = [_row(UnitRow, one) for one in raw["units"]]
            return cls(
                float(raw["at"]),
                bool(raw["whole"]),
                bool(raw["lost"]),
                {row.id: row if there else None for row, there in machines},
                {(row.unit, row.machine): row if there else None for row, there in units},
                {str(id): int(age) for id, age in raw.get("leases", {}).items()},
                float(raw.get("every", 0)),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadLineError(f"not a change: {line[:200]!r} ({error})") from error


def change(before: Overview | None, now: Overview, at: float, *, lost: bool = False) -> Change:
    """What leads from one overview to the next; without one before, all that there is."""
    old = before or Overview()
    machines = {id: row for id, row in now.machines.items() if row != old.machines.get(id)}
    units = {place: row for place, row in now.units.items() if row != old.units.get(place)}
    gone_machines = dict.fromkeys(old.machines.keys() - now.machines.keys())
    gone_units = dict.fromkeys(old.units.keys() - now.units.keys())
    return Change(at, before is None, lost, {**machines, **gone_machines}, {**units, **gone_units})


def apply(before: Overview, one: Change) -> Overview:
    """The overview after a change. A lost machine keeps the name that it was known by."""
    old = Overview() if one.is_whole else before
    machines, units = {**old.machines, **one.machines}, {**old.units, **one.units}
    return Overview(
        {id: _named(row, before) for id, row in sorted(machines.items()) if row},
        {place: row for place, row in sorted(units.items()) if row},
    )


def _named(row: MachineRow, before: Overview) -> MachineRow:
    known = before.machines.get(row.id)
    if row.name or known is None:
        return row
    return replace(row, name=known.name, address=known.address)


def _sparse(row: MachineRow | UnitRow | None) -> dict[str, Any]:
    """A row for the line: what is as it is without saying is not said; none is empty."""
    if row is None:
        return {}
    usual = {one.name: one.default for one in fields(row)}
    return {"there": 1} | {name: value for name, value in vars(row).items() if value != usual[name]}


def _row(kind: type[T], raw: Mapping[str, Any]) -> tuple[T, bool]:
    """The row, and whether it is there.

    Raises:
        TypeError: a value is of another type.
    """
    known = {one.name: one.type for one in fields(kind)}
    row = kind(**{name: value for name, value in raw.items() if name in known})
    for name, value in vars(row).items():
        wanted = (float, int) if known[name] is float else cast(type, known[name])
        if not isinstance(value, wanted):
            raise TypeError(f"{name} is {value!r}")
    return row, bool(raw.get("there"))
