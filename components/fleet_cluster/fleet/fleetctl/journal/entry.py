"""Entries of a journal, as journalctl prints them in JSON (pure)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from ...model.records import MachineState
from ...unitfiles.quadlets.names import service_of
from ..cli.errors import UsageError

TIMES = {
    "short": "%b %d %H:%M:%S ",
    "short-precise": "%b %d %H:%M:%S.%f ",
    "short-iso": "%Y-%m-%dT%H:%M:%S%z ",
    "short-iso-precise": "%Y-%m-%dT%H:%M:%S.%f%z ",
    "cat": "",
}
"""How journalctl writes the time of an entry, by its `--output`."""
JSON = "json"
FORMATS = (*TIMES, JSON)
"""What merged lines can be printed as."""

_UNIT_FIELDS = ("UNIT", "OBJECT_SYSTEMD_UNIT", "COREDUMP_UNIT", "_SYSTEMD_UNIT", "_SYSTEMD_SLICE")
"""Where journalctl's `--unit` looks for the unit: systemd's word about it comes before its own."""


@dataclass(frozen=True)
class Entry:
    """Entry of the journal of a machine, about one of the units that were asked for."""

    at: int
    """When it was written: microseconds since 1970, by its machine's clock."""
    unit: str
    machine: MachineState
    fields: Mapping[str, Any]

    @property
    def message(self) -> bytes:
        """What was written; journalctl gives what is no UTF-8 as numbers."""
        message = self.fields.get("MESSAGE")
        if isinstance(message, list):
            return bytes(cast(list[int], message))
        return str(message or "").encode(errors="replace")


class Reader:
    """A reader of what journalctl prints on one machine."""

    def __init__(self, machine: MachineState, units: list[str]) -> None:
        """`units`: those that it was asked for, at least one."""
        self._machine = machine
        self._units = {service_of(unit): unit for unit in units}

    def read(self, line: bytes) -> Entry | None:
        """The entry in a line; None when it is none, as where a connection was cut off."""
        try:
            fields: Mapping[str, Any] = json.loads(line)
            at = int(fields["__REALTIME_TIMESTAMP"])
        except (ValueError, KeyError, TypeError):
            return None
        return Entry(at, self._unit(fields), self._machine, fields)

    def _unit(self, fields: Mapping[str, Any]) -> str:
        named = (str(fields.get(field)) for field in _UNIT_FIELDS)
        found = (self._units[name] for name in named if name in self._units)
        return next(found, next(iter(self._units.values())))


def check_format(output: str) -> None:
    """Refuse an output that merged lines cannot have.

    Raises:
        UsageError: names those that they can.
    """
    if output not in FORMATS:
        raise UsageError(
            f"--output is {output!r}; lines of several units or machines can be printed as: "
            f"{', '.join(FORMATS)}. All that journalctl knows: of one unit, with --machine"
        )


def lines(entry: Entry, output: str) -> list[bytes]:
    """The lines of an entry's message, the first with its time and who wrote it.

    `output`: one of `TIMES`. The time is that of this computer's time zone.
    """
    head = _head(entry, TIMES[output]) if output != "cat" else b""
    first, *others = entry.message.split(b"\n")
    return [head + first, *(b" " * len(head) + other for other in others)]


def as_json(entry: Entry) -> str:
    """The entry as journalctl's fields, and unit and machine as all of fleetctl's JSON has them.

    Names of journald's fields have no small letters.
    """
    where = f"{entry.machine.id}/{entry.machine.address}"
    return json.dumps({"unit": entry.unit, "machine": where, **entry.fields})


def _head(entry: Entry, time: str) -> bytes:
    at = datetime.fromtimestamp(entry.at / 1_000_000).astimezone().strftime(time)
    fields = entry.fields
    who = fields.get("SYSLOG_IDENTIFIER") or fields.get("_COMM") or "unknown"
    process = fields.get("_PID") or fields.get("SYSLOG_PID")
    number = f"[{process}]" if process else ""
    return f"{at}{who}{number}: ".encode(errors="replace")
