"""systemd over D-Bus: the system bus, in a thread with an event loop of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dbus_fast import BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio.message_bus import MessageBus

from ..unitfiles.names import is_template
from .failure_reason import Other, others_of, reason
from .fence import FENCED_DIRECTORY
from .journal_tail import last_lines
from .manager import OWN_DIRECTORY, UNIT_DIRECTORY, UNKNOWN, SystemdError, UnitStatus
from .unit_directory import REFERRER, UnitDirectory

T = TypeVar("T")

CALL_SECONDS = 25.0
"""How long systemd has for an answer; a daemon-reload of many units takes seconds."""

SILENT_SECONDS = 1.0
"""How long it has after a call that it did not answer: the loop has other work too."""

RECONNECT_SECONDS = 1.0

CALLS_AT_ONCE = 32
"""The bus refuses a connection more than 128 unanswered calls; and they fit the socket."""

_SYSTEMD = "org.freedesktop.systemd1"
_MANAGER = _SYSTEMD + ".Manager"
_UNIT = _SYSTEMD + ".Unit"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_ROOT = "/org/freedesktop/systemd1"
_NOT_LOADED = _SYSTEMD + ".NoSuchUnit"
_BUS_TROUBLE = tuple(
    "org.freedesktop.DBus.Error." + name
    for name in ("Disconnected", "LimitsExceeded", "NoMemory", "NoReply", "ServiceUnknown")
)
"""Errors that say nothing about the unit that a call was about."""
_FORGOTTEN = (_NOT_LOADED, "org.freedesktop.DBus.Error.UnknownObject")
"""Errors that say that systemd has no such unit any more."""
_MATCHES = (
    f"type='signal',sender='{_SYSTEMD}',interface='{_MANAGER}',member='JobRemoved'",
    f"type='signal',sender='{_SYSTEMD}',interface='{_PROPERTIES}',"
    f"member='PropertiesChanged',arg0='{_UNIT}'",
)

_SINCE = {
    "active": "ActiveEnterTimestamp",
    "reloading": "ActiveEnterTimestamp",
    "activating": "InactiveExitTimestamp",
    "deactivating": "ActiveExitTimestamp",
}
"""The property that tells when a unit entered its ACTIVE state; for others the one below."""
_SINCE_STOPPED = "InactiveEnterTimestamp"


class DBusSystemd:
    """A `systemd.Systemd`. Reconnects by itself when the bus goes away."""

    def __init__(
        self,
        unit_directory: Path = UNIT_DIRECTORY,
        own: Path = OWN_DIRECTORY,
        fenced: Path = FENCED_DIRECTORY,
    ) -> None:
        """Start the thread; the directories are those of `UnitDirectory`."""
        self._files = UnitDirectory(unit_directory, own, fenced)
        self._bus: MessageBus | None = None
        self._on_change: Callable[[], None] | None = None
        self._paths: dict[str, str] = {}
        self._asked: set[str] = set()
        self._started_by: dict[str, str] = {}
        """By unit, the last job that was queued here to start it."""
        self._reloaded_by: dict[str, str] = {}
        """By unit, the last job that was queued here to reload it."""
        self._ended: dict[str, tuple[str, str]] = {}
        """By unit, the last job that has ended, whoever queued it, and how."""
        self._since: dict[str, tuple[str, float]] = {}
        self._signals = 0
        self.patience = CALL_SECONDS
        """How long the next call waits, in seconds."""
        self._loop = asyncio.new_event_loop()
        self._connected = threading.Event()
        threading.Thread(target=self._run, name="dbus", daemon=True).start()

    def status(self, names: Iterable[str]) -> dict[str, UnitStatus]:
        """See `Systemd.status`."""
        return self._do(self._status(list(names)))

    def write(self, files: Mapping[str, str]) -> dict[str, str]:
        """See `Systemd.write`."""
        return self._files.write(files)

    def remove(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.remove`."""
        names = list(names)
        for name in names:
            for jobs in (self._reloaded_by, self._started_by, self._ended):
                jobs.pop(name, None)
        refused = self._files.remove(names)
        removed = [name for name in names if name not in refused and not is_template(name)]
        return refused | self.reset_failed(removed)

    def link_dependencies(self, names: Iterable[str]) -> bool:
        """See `Systemd.tie`."""
        return self._files.link_dependencies(names)

    def files(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """See `Systemd.files`."""
        return self._files.shas(names)

    def reload(self) -> str:
        """See `Systemd.reload`. Also makes systemd remember how each unit ended."""
        self._files.refer()
        refused = self._do(self._accepted("Reload", "", []))
        if refused is None:
            refused = self._do(self._accepted("StartUnit", "ss", [REFERRER, "replace"]))
        return refused or ""

    def unread(self, names: Iterable[str]) -> set[str]:
        """See `Systemd.unread`."""
        return self._do(self._unread(list(names)))

    def start(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.start`."""
        return self._do(self._for_each("StartUnit", "ss", [[name, "replace"] for name in names]))

    def stop(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.stop`."""
        return self._do(self._for_each("StopUnit", "ss", [[name, "replace"] for name in names]))

    def bound(self, name: str) -> set[str]:
        """See `Systemd.bound`."""
        return self._files.bound(name)

    def restart(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.restart`."""
        return self._do(self._for_each("RestartUnit", "ss", [[name, "replace"] for name in names]))

    def reload_units(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.reload_units`."""
        return self._do(self._for_each("ReloadUnit", "ss", [[name, "replace"] for name in names]))

    def reloaded(self, name: str) -> str:
        """See `Systemd.reloaded`."""
        return self._do(self._reloaded(name))

    def reset_failed(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.reset_failed`."""
        return self._do(self._for_each("ResetFailedUnit", "s", [[name] for name in names]))

    def origins(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.origins`."""
        return self._do(self._origins(list(names)))

    def fenced(self) -> set[str]:
        """See `Systemd.fenced`."""
        return self._files.fenced.stopped()

    def release(self, names: Iterable[str]) -> None:
        """See `Systemd.release`."""
        self._files.fenced.note(names)

    def journal(self, since: Mapping[str, float]) -> dict[str, str]:
        """See `Systemd.journal`."""
        return last_lines(since)

    def reasons(self, names: Iterable[str]) -> dict[str, str]:
        """See `Systemd.reasons`."""
        return self._do(self._reasons(list(names)))

    def stopping(self) -> bool:
        """See `Systemd.stopping`."""
        return self._do(self._property(_ROOT, _MANAGER, "SystemState")) == "stopping"

    def subscribe(self, on_change: Callable[[], None]) -> None:
        """See `Systemd.subscribe`. Reports units that `status` was asked for."""
        self._on_change = on_change

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in the bus's thread."""
        patience, self.patience = self.patience, SILENT_SECONDS
        if not self._connected.wait(patience):
            work.close()
            raise SystemdError("the system bus cannot be reached")
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, patience), self._loop)
        try:
            done = future.result()
        except TimeoutError as error:
            raise SystemdError(f"systemd did not answer within {patience:.0f} s") from error
        except (DBusError, OSError, EOFError) as error:
            raise SystemdError(str(error)) from error
        self.patience = CALL_SECONDS
        return done

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._stay_connected())

    async def _stay_connected(self) -> None:
        while True:
            try:
                bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
                await self._listen(bus)
                await bus.wait_for_disconnect()
            except (DBusError, OSError, EOFError, SystemdError):
                pass  # Calls report it: while there is no bus they fail.
            self._connected.clear()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self, bus: MessageBus) -> None:
        self._bus = bus
        bus.add_message_handler(self._on_message)
        for match in _MATCHES:
            await self._call(
                "org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus",
                "AddMatch",
                "s",
                [match],
            )
        await self._manager("Subscribe")
        self._since.clear()
        self._connected.set()
        if self._on_change:
            self._on_change()

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        path = message.path or ""
        if message.member == "JobRemoved":
            _, job, name, result = message.body
            path = self._paths.get(name, "")
            reloads = name in self._reloaded_by
            if path or reloads or name in self._started_by:
                self._ended[name] = (job, result)
            if reloads and self._on_change:
                self._on_change()
        if path not in self._asked:
            return
        if message.member == "PropertiesChanged":
            self._note_since(path, message.body[1])
        self._signals += 1
        if self._on_change:
            self._on_change()

    def _note_since(self, path: str, changed: Mapping[str, Variant]) -> None:
        """The signal carries what would be asked for otherwise, unit by unit."""
        self._since.pop(path, None)
        active = changed.get("ActiveState")
        when = changed.get(_SINCE.get(active.value, _SINCE_STOPPED)) if active else None
        if active and when:
            self._since[path] = (active.value, when.value / 1e6)

    async def _call(
        self, service: str, path: str, interface: str, member: str, types: str, body: list[Any]
    ) -> list[Any]:
        if self._bus is None:
            raise SystemdError("the system bus is not connected")
        reply = await self._bus.call(
            Message(
                destination=service,
                path=path,
                interface=interface,
                member=member,
                signature=types,
                body=body,
            )
        )
        if reply is None:
            return []
        if reply.message_type is MessageType.ERROR:
            told = reply.body[0] if reply.body else ""
            raise DBusError(reply.error_name or "unknown error", told, reply)
        return reply.body

    async def _manager(self, member: str, types: str = "", *body: Any) -> list[Any]:
        return await self._call(_SYSTEMD, _ROOT, _MANAGER, member, types, list(body))

    async def _property(self, path: str, interface: str, name: str) -> Any:
        body = await self._call(_SYSTEMD, path, _PROPERTIES, "Get", "ss", [interface, name])
        return body[0].value

    async def _for_each(self, member: str, types: str, bodies: list[list[str]]) -> dict[str, str]:
        """Call once for each body, all at once: the reasons, by first argument, of refusals."""
        replies = await _gather(self._accepted(member, types, body) for body in bodies)
        pairs = zip(bodies, replies, strict=True)
        return {body[0]: reason for body, reason in pairs if reason is not None}

    async def _accepted(self, member: str, types: str, body: list[str]) -> str | None:
        try:
            reply = await self._manager(member, types, *body)
            if member in ("StartUnit", "RestartUnit"):
                self._started_by[body[0]] = reply[0]
            if member == "ReloadUnit":
                self._reloaded_by[body[0]] = reply[0]
        except DBusError as error:
            if error.type in _BUS_TROUBLE:
                raise
            if error.type == _NOT_LOADED and member in ("StopUnit", "ResetFailedUnit"):
                return None
            return error.text
        return None

    async def _status(self, names: list[str]) -> dict[str, UnitStatus]:
        if not names:
            return {}
        signals = self._signals
        rows = await self._rows(names)
        self._paths = {name: row[6] for name, row in rows.items()}
        self._asked = set(self._paths.values())
        for row in rows.values():
            if _is_unknown(row):
                # A unit of that name that was here before is forgotten, and so is when it ended.
                self._since[row[6]] = (row[3], 0.0)
        since = await _gather(self._when(row[6], row[3]) for row in rows.values())
        if signals == self._signals:
            pairs = zip(rows.values(), since, strict=True)
            self._since = {r[6]: (r[3], when) for r, when in pairs if not _is_unknown(r)}
        found = {
            name: UnitStatus(
                load=row[2],
                active=row[3],
                sub=row[4],
                since=when,
                job=row[7] != 0,
                result=self._result(name),
            )
            for (name, row), when in zip(rows.items(), since, strict=True)
        }
        return {name: found.get(name, UNKNOWN) for name in names}

    async def _reloaded(self, name: str) -> str:
        """The end of a job may be told before its beginning: they are only matched here."""
        # systemd has told of a job's end before it lists the unit without it.
        ((row,),) = await self._manager("ListUnitsByNames", "as", [name])
        job, result = self._ended.get(name, ("", ""))
        if job and job == self._reloaded_by.get(name):
            return result
        return "" if row[7] else "unknown"

    def _result(self, name: str) -> str:
        """The end of a job may be told before its beginning: they are only matched here."""
        job, result = self._ended.get(name, ("", ""))
        return result if job and job == self._started_by.get(name) else ""

    async def _reasons(self, names: list[str]) -> dict[str, str]:
        found = await _gather(self._reason_or_error(name) for name in names)
        return dict(zip(names, found, strict=True))

    async def _reason_or_error(self, name: str) -> str:
        """One unit that systemd says nothing about does not keep the others from being told of."""
        try:
            return await self._reason(name)
        except DBusError as error:
            if error.type in _BUS_TROUBLE:
                raise
            return error.text

    async def _reason(self, name: str) -> str:
        (path,) = await self._manager("LoadUnit", "s", name)
        unit = await self._properties(path, _UNIT)
        kind = await self._properties(path, f"{_SYSTEMD}.{name.rpartition('.')[2].capitalize()}")
        others = sorted(others_of(unit))
        rows = await self._rows(others)
        known = {name: Other(row[2], row[3], row[4]) for name, row in rows.items()}
        return reason(unit, kind.get("Result", "success"), self._result(name), known)

    async def _origins(self, names: list[str]) -> dict[str, str]:
        rows = await self._rows(names)
        units = await _gather(self._properties(row[6], _UNIT) for row in rows.values())
        return {
            name: origin
            for name, unit in zip(rows, units, strict=True)
            if (origin := _origin(name, unit))
        }

    async def _rows(self, names: list[str]) -> dict[str, Sequence[Any]]:
        """The rows of these units, in their order, without those that systemd finds invalid.

        A row has the unit's own name, also where it was asked by an alias.
        """
        (listed,) = await self._manager("ListUnitsByNames", "as", names)
        if len(listed) == len(names):
            return dict(zip(names, listed, strict=True))
        return {row[0]: row for row in listed}

    async def _properties(self, path: str, interface: str) -> dict[str, Any]:
        (found,) = await self._call(_SYSTEMD, path, _PROPERTIES, "GetAll", "s", [interface])
        return {name: variant.value for name, variant in found.items()}

    async def _when(self, path: str, active: str) -> float:
        """When the unit entered this state; asked for again only after it changed."""
        known = self._since.get(path)
        if known and known[0] == active:
            return known[1]
        try:
            return await self._property(path, _UNIT, _SINCE.get(active, _SINCE_STOPPED)) / 1e6
        except DBusError as error:
            if error.type not in _FORGOTTEN:
                raise
            return 0.0

    async def _unread(self, names: list[str]) -> set[str]:
        rows = await self._rows(names)
        asked = (self._property(row[6], _UNIT, "NeedDaemonReload") for row in rows.values())
        return {name for name, needed in zip(rows, await _gather(asked), strict=True) if needed}


def _is_unknown(row: Sequence[Any]) -> bool:
    """Of a row of systemd's list: there is neither a file nor anything that runs."""
    return row[2] == "not-found" and row[3] == "inactive"


def _origin(name: str, unit: Mapping[str, Any]) -> str:
    """Where a unit that is not fleet's comes from; empty if there is none."""
    if unit["LoadState"] == "not-found":
        return ""
    made_up = name.endswith(".slice") and not unit["Perpetual"]
    return unit["FragmentPath"] or unit["SourcePath"] or ("" if made_up else "systemd itself")


async def _gather(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in order, with few calls unanswered at any time."""
    gate = asyncio.Semaphore(CALLS_AT_ONCE)

    async def pass_gate(call: Coroutine[Any, Any, T]) -> T:
        async with gate:
            return await call

    return await asyncio.gather(*map(pass_gate, calls))
