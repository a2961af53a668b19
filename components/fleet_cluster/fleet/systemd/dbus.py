"""systemd over D-Bus: its manager's methods, as fleet uses them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from dbus_fast import DBusError, Message

from ..unitfiles.names import is_template
from ..unitfiles.quadlets.names import by_unit, service_of
from .dbus_connection import (
    BUS_TROUBLE,
    MANAGER,
    NOT_LOADED,
    ROOT,
    SYSTEMD,
    UNIT,
    SystemBus,
    gather,
)
from .dbus_jobs import Jobs
from .dbus_properties import last_run, origin
from .dbus_timestamps import TimedRows, Timestamps
from .failure_reason import Other, others_of, reason
from .fence import FENCED_DIRECTORY, PATIENCE_SECONDS
from .journal_tail import last_lines
from .manager import OWN_DIRECTORY, UNIT_DIRECTORY, UNKNOWN, LastRun, UnitStatus, is_at_rest
from .unit_directory import REFERRER, UnitDirectory


class DBusSystemd:
    """A `Systemd` over D-Bus. Reconnects by itself when the bus goes away."""

    def __init__(
        self,
        unit_directory: Path = UNIT_DIRECTORY,
        own: Path = OWN_DIRECTORY,
        fenced: Path = FENCED_DIRECTORY,
    ) -> None:
        """Start the bus's thread; the directories are those of `UnitDirectory`."""
        self._files = UnitDirectory(unit_directory, own, fenced)
        self._jobs = Jobs()
        self._timestamps = Timestamps()
        self._on_change: Callable[[], None] | None = None
        self._bus = SystemBus(self._on_signal, self._on_connected)

    def status(self, names: Iterable[str]) -> dict[str, UnitStatus]:
        """See `Systemd.status`."""
        rows = self._timestamps.rows
        return by_unit(names, lambda services: self._bus.run(self._status(rows, services)))

    def follow(self, names: Iterable[str]) -> dict[str, UnitStatus]:
        """See `Systemd.follow`."""
        rows = self._timestamps.follow
        return by_unit(names, lambda services: self._bus.run(self._status(rows, services)))

    def write(self, files: Mapping[str, str]) -> dict[str, str]:
        """See `Systemd.write`."""
        return self._files.write(files)

    def remove(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.remove`."""
        names = list(names)
        self._jobs.forget(map(service_of, names))
        refused = self._files.remove(names)
        removed = [name for name in names if name not in refused and not is_template(name)]
        return refused | self.reset_failed(removed)

    def link_dependencies(self, names: Iterable[str]) -> bool:
        """See `Systemd.link_dependencies`."""
        return self._files.link_dependencies(names)

    def files(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """See `Systemd.files`."""
        return self._files.shas(names)

    def reload(self) -> str:
        """See `Systemd.reload`. Also makes systemd remember how each unit ended."""
        self._files.refer()
        refused = self._bus.run(self._accepted("Reload", "", []))
        if refused is None:
            refused = self._bus.run(self._accepted("StartUnit", "ss", [REFERRER, "replace"]))
        return refused or ""

    def unread(self, names: Iterable[str]) -> set[str]:
        """See `Systemd.unread`."""
        units = list(names)
        unread = self._bus.run(self._unread(list(map(service_of, units))))
        return {name for name in units if service_of(name) in unread}

    def start(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.start`."""
        return self._queue("StartUnit", names)

    def stop(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.stop`."""
        return self._queue("StopUnit", names)

    def bound(self, name: str) -> set[str]:
        """See `Systemd.bound`."""
        return self._files.bound(name)

    def restart(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.restart`."""
        return self._queue("RestartUnit", names)

    def reload_units(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.reload_units`."""
        return self._queue("ReloadUnit", names)

    def reloaded(self, name: str) -> str:
        """See `Systemd.reloaded`."""
        return self._bus.run(self._reloaded(service_of(name)))

    def reset_failed(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.reset_failed`."""
        return by_unit(
            names,
            lambda services: self._bus.run(
                self._for_each("ResetFailedUnit", "s", [[service] for service in services])
            ),
        )

    def origins(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.origins`."""
        return by_unit(names, lambda services: self._bus.run(self._origins(services)))

    def down(self, names: Iterable[str]) -> set[str]:
        """See `Systemd.down`."""
        return self._bus.run(self._down(list(names)))

    def fenced(self) -> set[str]:
        """See `Systemd.fenced`."""
        return self._files.fenced.stopped()

    def release(self, names: Iterable[str]) -> None:
        """See `Systemd.release`."""
        self._files.fenced.note(names)

    def journal(self, since: Mapping[str, float]) -> dict[str, str]:
        """See `Systemd.journal`."""
        return by_unit(
            since, lambda services: last_lines(dict(zip(services, since.values(), strict=True)))
        )

    def reasons(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.reasons`."""
        return by_unit(names, lambda services: self._bus.run(self._reasons(services)))

    def last_run(self, name: str) -> LastRun:
        """See `Systemd.last_run`."""
        return last_run(*self._bus.run(self._properties(service_of(name))))

    def fenced_up(self) -> set[str]:
        """See `Systemd.fenced_up`."""
        return set(self._files.fenced.up(PATIENCE_SECONDS))

    def stopping(self) -> bool:
        """See `Systemd.stopping`."""
        return self._bus.run(self._bus.property(ROOT, MANAGER, "SystemState")) == "stopping"

    def subscribe(self, on_change: Callable[[], None]) -> None:
        """See `Systemd.subscribe`. Reports units that are followed."""
        self._on_change = on_change

    def _on_connected(self) -> None:
        self._timestamps.clear()
        self._tell()

    def _tell(self) -> None:
        if self._on_change:
            self._on_change()

    def _on_signal(self, message: Message) -> None:
        path = message.path or ""
        if message.member == "JobRemoved":
            _, job, name, result = message.body
            path = self._timestamps.path(name)
            self._note_end(name, job, result, is_followed=bool(path))
        if not self._timestamps.follows(path):
            return
        is_unit = message.member == "PropertiesChanged"
        self._timestamps.changed(path, message.body[1] if is_unit else None)
        self._tell()

    def _note_end(self, name: str, job: str, result: str, is_followed: bool) -> None:
        if is_followed or self._jobs.is_known(name):
            self._jobs.ended(name, job, result)
        if self._jobs.is_reloaded(name):
            self._tell()

    def _queue(self, method: str, names: Iterable[str]) -> dict[str, str]:
        """Queue a job for each unit, in the place of one that is waiting: the refusals."""
        return by_unit(
            names,
            lambda services: self._bus.run(
                self._for_each(method, "ss", [[service, "replace"] for service in services])
            ),
        )

    async def _for_each(self, method: str, types: str, bodies: list[list[str]]) -> dict[str, str]:
        """Call once for each body, all at once: the reasons, by first argument, of refusals."""
        replies = await gather(self._accepted(method, types, body) for body in bodies)
        pairs = zip(bodies, replies, strict=True)
        return {body[0]: reason for body, reason in pairs if reason is not None}

    async def _accepted(self, method: str, types: str, body: list[str]) -> str | None:
        """Call a method: why it was refused; None when it was not."""
        try:
            reply = await self._bus.manager(method, types, *body)
        except DBusError as error:
            if error.type in BUS_TROUBLE:
                raise
            if error.type == NOT_LOADED and method in ("StopUnit", "ResetFailedUnit"):
                return None
            return error.text
        if reply:
            self._jobs.queued(method, body[0], reply[0])
        return None

    async def _status(self, rows: TimedRows, names: list[str]) -> dict[str, UnitStatus]:
        if not names:
            return {}
        found = {
            name: row.status(since, self._jobs.start_result(name))
            for name, (row, since) in (await rows(self._bus, names)).items()
        }
        return {name: found.get(name, UNKNOWN) for name in names}

    async def _reloaded(self, name: str) -> str:
        # systemd has told of a job's end before it lists the unit without it.
        row = (await self._bus.rows([name]))[name]
        return self._jobs.reload_result(name) or ("" if row.job else "unknown")

    async def _reasons(self, names: list[str]) -> dict[str, str]:
        found = await gather(self._reason_or_error(name) for name in names)
        return dict(zip(names, found, strict=True))

    async def _reason_or_error(self, name: str) -> str:
        """One unit that systemd says nothing about does not keep the others from being told of."""
        try:
            return await self._reason(name)
        except DBusError as error:
            if error.type in BUS_TROUBLE:
                raise
            return error.text

    async def _reason(self, name: str) -> str:
        unit, of_kind = await self._properties(name)
        rows = await self._bus.rows(sorted(others_of(unit)))
        others = {other: Other(row.load, row.active, row.sub) for other, row in rows.items()}
        result = of_kind.get("Result", "success")
        return reason(unit, result, self._jobs.start_result(name), others)

    async def _properties(self, name: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """A unit's properties, and those of its kind."""
        (path,) = await self._bus.manager("LoadUnit", "s", name)
        kind = name.rpartition(".")[2].capitalize()
        unit = await self._bus.properties(path, UNIT)
        return unit, await self._bus.properties(path, f"{SYSTEMD}.{kind}")

    async def _origins(self, names: list[str]) -> dict[str, str]:
        rows = await self._bus.rows(names)
        units = await gather(self._bus.properties(row.path, UNIT) for row in rows.values())
        pairs = zip(rows, units, strict=True)
        return {name: found for name, unit in pairs if (found := origin(name, unit))}

    async def _down(self, names: list[str]) -> set[str]:
        found = await self._bus.rows(names)
        rows = {name: row for name, row in found.items() if is_at_rest(row.status(0.0, ""))}
        asked = (self._bus.property(row.path, UNIT, "UnitFileState") for row in rows.values())
        pairs = zip(rows, await gather(asked), strict=True)
        return {name for name, state in pairs if state == "enabled"}

    async def _unread(self, names: list[str]) -> set[str]:
        rows = await self._bus.rows(names)
        asked = (self._bus.property(row.path, UNIT, "NeedDaemonReload") for row in rows.values())
        return {name for name, needed in zip(rows, await gather(asked), strict=True) if needed}
