"""The connection to the system bus, in a thread with an event loop of its own."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from dbus_fast import AuthError, BusType, DBusError, Message, MessageType
from dbus_fast.aio.message_bus import MessageBus

from .dbus_properties import UnitRow
from .manager import SystemdError

T = TypeVar("T")

log = logging.getLogger(__name__)

CALL_SECONDS = 25.0
"""How long systemd has for an answer; a daemon-reload of many units takes seconds."""

SILENT_SECONDS = 1.0
"""How long it has after a call that it did not answer: the loop has other work too."""

RECONNECT_SECONDS = 1.0

CALLS_AT_ONCE = 32
"""The bus refuses a connection more than 128 unanswered calls; and they fit the socket."""

SYSTEMD = "org.freedesktop.systemd1"
MANAGER = SYSTEMD + ".Manager"
UNIT = SYSTEMD + ".Unit"
ROOT = "/org/freedesktop/systemd1"
PROPERTIES = "org.freedesktop.DBus.Properties"
NOT_LOADED = SYSTEMD + ".NoSuchUnit"
BUS_TROUBLE = tuple(
    "org.freedesktop.DBus.Error." + name
    for name in ("Disconnected", "LimitsExceeded", "NoMemory", "NoReply", "ServiceUnknown")
)
"""Errors that say nothing about the unit that a call was about."""
FORGOTTEN = (NOT_LOADED, "org.freedesktop.DBus.Error.UnknownObject")
"""Errors that say that systemd has no such unit any more."""

_MATCHES = (
    f"type='signal',sender='{SYSTEMD}',interface='{MANAGER}',member='JobRemoved'",
    f"type='signal',sender='{SYSTEMD}',interface='{PROPERTIES}',"
    f"member='PropertiesChanged',arg0='{UNIT}'",
)


class BusConnection(MessageBus):
    """A connection that fails where the bus ends it before it has begun."""

    async def _auth_readline(self) -> str:
        # That of dbus_fast 2.44 reads on at the end, and lets nothing else of its thread run.
        line = b""
        while not line.endswith(b"\r\n"):
            more = await self._loop.sock_recv(self._sock, 1024) if self._sock else b""
            if not more:
                raise EOFError("the system bus has ended the connection")
            line += more
        return line[:-2].decode()


class SystemBus:
    """A connection to systemd over the system bus. Made again by itself when the bus goes away.

    Coroutines run in its thread, by `run`; they raise `DBusError` where systemd refuses.
    """

    def __init__(
        self, on_signal: Callable[[Message], None], on_connected: Callable[[], None]
    ) -> None:
        """Start the thread, from which both are called: signals, and each new connection."""
        self.patience = CALL_SECONDS
        """How long the next call waits, in seconds."""
        self.connected = threading.Event()
        self._on_signal = on_signal
        self._on_connected = on_connected
        self._bus: MessageBus | None = None
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, name="dbus", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which is run in the bus's thread.

        Raises:
            SystemdError: the bus or systemd does not answer in time, or refuses.
        """
        patience, self.patience = self.patience, SILENT_SECONDS
        if not self.connected.wait(patience):
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

    async def manager(self, member: str, types: str = "", *body: Any) -> list[Any]:
        """Call a method of systemd's manager: the values of its answer."""
        return await self._call(SYSTEMD, ROOT, MANAGER, member, types, list(body))

    async def property(self, path: str, interface: str, name: str) -> Any:
        """One property of the object at `path`."""
        body = await self._call(SYSTEMD, path, PROPERTIES, "Get", "ss", [interface, name])
        return body[0].value

    async def properties(self, path: str, interface: str) -> dict[str, Any]:
        """All properties of the object at `path`, by name."""
        (found,) = await self._call(SYSTEMD, path, PROPERTIES, "GetAll", "s", [interface])
        return {name: variant.value for name, variant in found.items()}

    async def rows(self, names: list[str]) -> dict[str, UnitRow]:
        """The rows of these units, in their order, without those that systemd finds invalid.

        A row has the unit's own name, also where it was asked by an alias.
        """
        (listed,) = await self.manager("ListUnitsByNames", "as", names)
        rows = [UnitRow(*row) for row in listed]
        if len(rows) == len(names):
            return dict(zip(names, rows, strict=True))
        return {row.name: row for row in rows}

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._stay_connected())

    async def _stay_connected(self) -> None:
        while True:
            try:
                await self._connect()
            except (AuthError, DBusError, OSError, EOFError, SystemdError):
                pass  # Calls report it: while there is no bus they fail.
            except Exception:  # Nobody could call it any more if its thread ended.
                log.exception("the connection to the system bus has failed")
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _connect(self) -> None:
        """Connect, and serve until the bus goes away."""
        bus = BusConnection(bus_type=BusType.SYSTEM)
        try:
            await asyncio.wait_for(bus.connect(), CALL_SECONDS)
            await asyncio.wait_for(self._listen(bus), CALL_SECONDS)
            await bus.wait_for_disconnect()
        finally:
            self.connected.clear()
            self._bus = None
            bus.disconnect()  # Or its signals would come too, beside those of the next one.

    async def _listen(self, bus: MessageBus) -> None:
        self._bus = bus
        bus.add_message_handler(self._on_message)
        daemon = "org.freedesktop.DBus"
        for match in _MATCHES:
            await self._call(daemon, "/org/freedesktop/DBus", daemon, "AddMatch", "s", [match])
        await self.manager("Subscribe")
        self.connected.set()
        self._on_connected()

    def _on_message(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            self._on_signal(message)

    async def _call(
        self, service: str, path: str, interface: str, member: str, types: str, body: list[Any]
    ) -> list[Any]:
        if self._bus is None:
            raise SystemdError("the system bus is not connected")
        asked = Message(
            destination=service,
            path=path,
            interface=interface,
            member=member,
            signature=types,
            body=body,
        )
        reply = await self._bus.call(asked)
        if reply is None:
            return []
        if reply.message_type is MessageType.ERROR:
            text = reply.body[0] if reply.body else ""
            raise DBusError(reply.error_name or "unknown error", text, reply)
        return reply.body


async def gather(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in order, with few calls unanswered at any time."""
    gate = asyncio.Semaphore(CALLS_AT_ONCE)

    async def pass_gate(call: Coroutine[Any, Any, T]) -> T:
        async with gate:
            return await call

    return await asyncio.gather(*map(pass_gate, calls))
