"""Timestamps of units: when each has entered its ACTIVE state, asked for only after it changed."""

from collections.abc import Awaitable, Callable, Mapping

from dbus_fast import DBusError, Variant

from .dbus_connection import FORGOTTEN, UNIT, SystemBus, gather
from .dbus_properties import UnitRow, changed_state, since_property

TimedRows = Callable[[SystemBus, list[str]], Awaitable[dict[str, tuple[UnitRow, float]]]]
"""What asks for the rows of units, each with its timestamp."""


class Timestamps:
    """Timestamps of units, in seconds since 1970; of those that are followed, they are known.

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
        """The rows of these units, each with its timestamp. What is followed stays as it is."""
        return await self._timed(bus, await bus.rows(names))

    async def follow(self, bus: SystemBus, names: list[str]) -> dict[str, tuple[UnitRow, float]]:
        """The same; these are followed from now on, and no others."""
        signals = self._signals
        rows = await bus.rows(names)
        self._follow(rows)
        found = await self._timed(bus, rows)
        if signals == self._signals:
            told = found.values()
            self._known = {r.path: (r.active, since) for r, since in told if not r.is_unknown}
        return found

    def _follow(self, rows: Mapping[str, UnitRow]) -> None:
        self._paths = {name: row.path for name, row in rows.items()}
        self._followed = set(self._paths.values())
        # Of others, nothing tells from now on when what is known of them is no longer so.
        self._known = {path: state for path, state in self._known.items() if self.follows(path)}

    async def _timed(
        self, bus: SystemBus, rows: Mapping[str, UnitRow]
    ) -> dict[str, tuple[UnitRow, float]]:
        for row in rows.values():
            if row.is_unknown:
                # A unit of that name that was here before is forgotten, and so is when it ended.
                self._known.pop(row.path, None)
        since = await gather(self._since(bus, row) for row in rows.values())
        return dict(zip(rows, zip(rows.values(), since, strict=True), strict=True))

    async def _since(self, bus: SystemBus, row: UnitRow) -> float:
        if row.is_unknown:
            return 0.0
        known = self._known.get(row.path)
        if known and known[0] == row.active:
            return known[1]
        try:
            return await bus.property(row.path, UNIT, since_property(row.active)) / 1e6
        except DBusError as error:
            if error.type not in FORGOTTEN:
                raise
            return 0.0
