"""Timestamps of units: when each has entered its ACTIVE state, asked for only after it changed."""

from collections.abc import Mapping

from dbus_fast import DBusError, Variant

from .dbus_connection import FORGOTTEN, UNIT, SystemBus, gather
from .dbus_properties import UnitRow, changed_state, since_property


class Timestamps:
    """Timestamps of the units that were asked for last, in seconds since 1970.

    The signals of systemd carry what would be asked for otherwise, unit by unit.
    """

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}
        """By unit, its object on the bus."""
        self._followed: set[str] = set()
        self._known: dict[str, tuple[str, float]] = {}
        """By object, its ACTIVE state and since when it has been in it."""
        self._signals = 0

    def clear(self) -> None:
        """Rely on nothing: signals were missed."""
        self._known.clear()

    def path(self, name: str) -> str:
        """The object of a unit that is followed; empty for others."""
        return self._paths.get(name, "")

    def follows(self, path: str) -> bool:
        """Whether this is the object of such a unit."""
        return path in self._followed

    def changed(self, path: str, properties: Mapping[str, Variant] | None) -> None:
        """A unit or its job has changed; of a unit, these are its new properties."""
        self._signals += 1
        if properties is None:
            return
        self._known.pop(path, None)
        if state := changed_state(properties):
            self._known[path] = state

    async def rows(self, bus: SystemBus, names: list[str]) -> dict[str, tuple[UnitRow, float]]:
        """The rows of these units, each with its timestamp; they are followed from now on."""
        signals = self._signals
        rows = await bus.rows(names)
        self._follow(rows)
        since = await gather(self._since(bus, row) for row in rows.values())
        if signals == self._signals:
            pairs = zip(rows.values(), since, strict=True)
            self._known = {r.path: (r.active, when) for r, when in pairs if not r.is_unknown}
        return dict(zip(rows, zip(rows.values(), since, strict=True), strict=True))

    def _follow(self, rows: Mapping[str, UnitRow]) -> None:
        self._paths = {name: row.path for name, row in rows.items()}
        self._followed = set(self._paths.values())
        for row in rows.values():
            if row.is_unknown:
                # A unit of that name that was here before is forgotten, and so is when it ended.
                self._known[row.path] = (row.active, 0.0)

    async def _since(self, bus: SystemBus, row: UnitRow) -> float:
        known = self._known.get(row.path)
        if known and known[0] == row.active:
            return known[1]
        try:
            return await bus.property(row.path, UNIT, since_property(row.active)) / 1e6
        except DBusError as error:
            if error.type not in FORGOTTEN:
                raise
            return 0.0
