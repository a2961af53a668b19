"""The journal log: fleetd's log as structured entries, in systemd's native protocol.

`journalctl FLEET_UNIT=web.service` on a machine then tells what fleetd did about that unit, and
`journalctl FLEET_EVENT=assigned` on the leader what it decided.
"""

import logging
import os
import socket
import struct
import sys
from collections.abc import Mapping

ADDRESS = "/run/systemd/journal/socket"
PATIENCE_SECONDS = 2.0
"""How long a line waits for journald. Where it hangs, whoever logs must not hang with it."""
PRIORITIES = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}
"""syslog's; all else is debugging."""


def about(
    event: str, unit: str = "", machine: str = "", revision: int = 0
) -> dict[str, dict[str, str]]:
    """What a line of the log is about, for its `extra=`.

    Args:
        event: what happened, as one word that stays the same.
        unit: the unit that it happened to.
        machine: the id of the machine that it is about, if that is not the one that logs.
        revision: that of the store.
    """
    fields = {"FLEET_EVENT": event, "FLEET_UNIT": unit, "FLEET_MACHINE": machine}
    given = {name: value for name, value in fields.items() if value}
    return {"fleet": given | ({"FLEET_REVISION": str(revision)} if revision else {})}


def entry(fields: Mapping[str, str]) -> bytes:
    """One entry of the journal as its socket takes it: values that span lines have a length."""
    return b"".join(_field(name, value.encode(errors="replace")) for name, value in fields.items())


def _field(name: str, value: bytes) -> bytes:
    if b"\n" in value:
        return name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return name.encode() + b"=" + value + b"\n"


class Journal(logging.Handler):
    """A handler that logs to journald; what cannot be sent is printed, with its priority."""

    def __init__(self, machine: str, address: str = ADDRESS) -> None:
        """`machine`: the id of this machine."""
        super().__init__()
        self._machine = machine
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._patience = PATIENCE_SECONDS

    def emit(self, record: logging.LogRecord) -> None:
        """Send one line of the log."""
        fields = self._fields(record)
        try:
            self._socket.settimeout(self._patience)
            self._socket.sendto(entry(fields), self._address)
            self._patience = PATIENCE_SECONDS
        except (TimeoutError, BlockingIOError):  # It hangs, and it is where a print would go too.
            self._patience = 0.0
        except OSError:  # journald restarts, or the entry is too large for its socket.
            try:
                print(f"<{fields['PRIORITY']}>{fields['MESSAGE']}", flush=True)
            except OSError:
                self.handleError(record)  # There is nobody to tell: fleetd does its work.

    def _fields(self, record: logging.LogRecord) -> dict[str, str]:
        extra: Mapping[str, str] = getattr(record, "fleet", {})
        return {
            "MESSAGE": self.format(record),
            "PRIORITY": str(PRIORITIES.get(record.levelno, 7)),
            "SYSLOG_IDENTIFIER": "fleetd",
            "CODE_FUNC": record.funcName or "",
            "FLEET_MACHINE": self._machine,
            **extra,
        }


def log_to_journal(machine: str) -> None:
    """To the journal where systemd started us, else to standard output."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    if "JOURNAL_STREAM" in os.environ:
        handlers = [Journal(machine)]
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers)
