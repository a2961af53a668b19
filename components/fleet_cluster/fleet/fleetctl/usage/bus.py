"""What systemd says that units use, over D-Bus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dbus_fast import DBusError, Message

from ...systemd.dbus_connection import BUS_TROUBLE, SYSTEMD, SystemBus, gather

KINDS = frozenset({"service", "socket", "mount", "swap", "slice", "scope"})
"""Types of units that have processes."""
AT_REST = ("inactive", "failed")
NOT_SET = 2**64 - 1
ASKED = ("ControlGroup", "CPUUsageNSec", "MemoryCurrent")


@dataclass(frozen=True)
class Told:
    """What systemd says of a unit that runs."""

    group: str
    """The path of its cgroup; empty if it has none."""
    cpu: float | None
    """Seconds; None where systemd does not count them, as with cgroups of version 1."""
    memory: int | None
    """Bytes."""


class Systemd(Protocol):
    """What is asked of systemd."""

    def ask(self, services: Sequence[str]) -> Mapping[str, Told]:
        """What it says of those that run, by the names that it knows.

        Raises:
            SystemdError: it does not answer.
        """
        ...


class UsageBus:
    """A connection to systemd for this."""

    def __init__(self) -> None:
        """Start its thread."""
        self._bus = SystemBus(_ignore, lambda: None)

    def ask(self, services: Sequence[str]) -> Mapping[str, Told]:
        """See `Systemd.ask`."""
        wanted = [one for one in services if one.rpartition(".")[2] in KINDS]
        return self._bus.run(self._ask(wanted)) if wanted else {}

    async def _ask(self, services: list[str]) -> dict[str, Told]:
        rows = await self._bus.rows(services)
        alive = {name: row.path for name, row in rows.items() if row.active not in AT_REST}
        found = await gather(self._usage(name, path) for name, path in alive.items())
        return {name: told for name, told in zip(alive, found, strict=True) if told}

    async def _usage(self, name: str, path: str) -> Told | None:
        kind = f"{SYSTEMD}.{name.rpartition('.')[2].capitalize()}"
        try:
            group, cpu, memory = [await self._bus.property(path, kind, one) for one in ASKED]
        except DBusError as error:
            if error.type in BUS_TROUBLE:
                raise
            return None  # systemd has forgotten it since: nothing of it runs.
        return Told(str(group), _counted(cpu, 1e-9), _counted(memory))


def _counted(value: Any, factor: Any = 1) -> Any:
    return None if value == NOT_SET else value * factor


def _ignore(_signal: Message) -> None:
    return None
