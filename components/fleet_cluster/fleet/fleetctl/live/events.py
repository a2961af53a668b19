"""Events: what has become of machines and units from one overview to the next (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ...cluster_state.placement import SERVING
from ...model.records import RESTARTING
from ..state.unit_state import LOST
from .overview import MachineRow, Overview, Place, UnitRow


class Kind(StrEnum):
    """Kind of an event."""

    LOST = "lost"
    """A machine's lease has ended."""
    BACK = "back"
    """A machine that was lost has a lease again."""
    JOINED = "joined"
    """A machine is there that nobody knew of."""
    LEFT = "left"
    """A machine that was removed for good is gone."""
    MARKED = "marked"
    """A machine's marks, trouble or reboot are others."""
    FAILED = "failed"
    MOVED = "moved"
    ROLLED = "rolled"
    """A unit has another file."""
    NOTE = "note"
    """What was said on the way here, such as of a record that cannot be used."""


@dataclass(frozen=True)
class Event:
    """An event, and when: seconds since 1970."""

    at: float
    kind: Kind
    text: str


def events(before: Overview, now: Overview, at: float) -> list[Event]:
    """What has happened between two overviews; `at`: when it was seen, where no record says."""
    return [*_of_machines(before, now, at), *_of_units(before, now, at)]


def recent(now: Overview, since: float) -> list[Event]:
    """What the records tell of the time before anybody looked, the oldest first."""
    found: list[Event] = []
    for row in now.units.values():
        if row.active == "failed" and row.since >= since:
            found.append(_failed(row, now, row.since))
        if row.moved_at >= since and row.is_home and row.origin != row.machine:
            found.append(_moved(row, row.origin, now, now, row.moved_at))
    return sorted(found, key=lambda event: event.at)


def restarts(before: Overview, now: Overview) -> list[Place]:
    """The units that systemd has started again since, each once, as far as that is to be seen."""
    return [
        place
        for place, row in now.units.items()
        if (old := before.units.get(place)) and _is_restarted(old, row)
    ]


def _is_restarted(old: UnitRow, row: UnitRow) -> bool:
    if row.sub in RESTARTING:
        return old.sub not in RESTARTING or old.since != row.since
    if old.active not in SERVING or old.sha != row.sha:
        return False
    return row.active == "activating" or (row.active in SERVING and old.since < row.since)


def _of_machines(before: Overview, now: Overview, at: float) -> Iterator[Event]:
    for id, row in now.machines.items():
        old = before.machines.get(id)
        if row.is_lost:
            continue
        if old is None or old.is_lost:
            yield Event(at, Kind.BACK if old else Kind.JOINED, now.name_of(id))
        elif old.state != row.state:
            yield Event(at, Kind.MARKED, f"{now.name_of(id)} {row.state or 'ready'}")
    for id, old in before.machines.items():
        if not old.is_lost and _is_gone(now.machines.get(id)):
            kind = Kind.LEFT if old.removed else Kind.LOST
            units = sum(1 for _, machine in before.units if machine == id)
            yield Event(at, kind, f"{before.name_of(id)}, with {counted(units, 'unit')}")


def _is_gone(row: MachineRow | None) -> bool:
    return row is None or row.is_lost


def _of_units(before: Overview, now: Overview, at: float) -> Iterator[Event]:
    homes = {unit: row for (unit, _), row in before.units.items() if row.is_home}
    for place, row in now.units.items():
        old = before.units.get(place)
        if row.active == "failed" and (old is None or not _has_same_failure(old, row)):
            yield _failed(row, now, row.since or at)
        was_home = old is not None and old.is_home
        home = old if row.everywhere or was_home else homes.get(row.unit)
        if row.is_home and not row.everywhere and not was_home:
            origin = home.machine if home else row.origin
            if origin and origin != row.machine:
                yield _moved(row, origin, before, now, at)
        if row.is_home and _is_rolled(home, row):
            yield Event(at, Kind.ROLLED, f"{row.unit} on {now.name_of(row.machine)}")


def _has_same_failure(old: UnitRow, row: UnitRow) -> bool:
    """Whether it had failed already; a unit whose machine was lost may have, too."""
    is_known = old.active == "failed" or (old.active == LOST and old.sub == "failed")
    return is_known and old.since == row.since


def _is_rolled(old: UnitRow | None, row: UnitRow) -> bool:
    return bool(old and old.sha and row.sha and old.sha != row.sha)


def _failed(row: UnitRow, now: Overview, at: float) -> Event:
    because = f": {row.problem}" if row.problem else ""
    return Event(at, Kind.FAILED, f"{row.unit} on {now.name_of(row.machine)}{because}")


def _moved(row: UnitRow, origin: str, before: Overview, now: Overview, at: float) -> Event:
    """A move; the machine that it left may be known by its name only before."""
    source = before.name_of(origin) if origin in before.machines else now.name_of(origin)
    text = f"{row.unit} from {source} to {now.name_of(row.machine)}"
    return Event(at, Kind.MOVED, text)


def counted(number: int, what: str) -> str:
    """A number of things: 1 unit, 2 units."""
    return f"{number} {what}{'s' * (number != 1)}"
