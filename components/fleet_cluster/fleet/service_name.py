"""Names of services: what units are found by in the machines' DNS. Pure."""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

DOMAIN = "fleet.internal"
"""The domain that machines ask their own CoreDNS about. `internal` is for private use (ICANN)."""
MAX_PORT = 65535

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PORT = re.compile(r"[1-9]\d{0,4}")


@dataclass(frozen=True)
class ServiceName:
    """A name of `Name=`, with the port that is told of it by SRV."""

    name: str
    """One label of DNS: web, for web.fleet.internal."""
    port: int = 0
    """0 where none is given."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read NAME or NAME:PORT.

        Raises:
            ValueError: it is neither; says what is allowed.
        """
        name, colon, port = text.partition(":")
        if not _LABEL.fullmatch(name):
            raise ValueError(
                "write NAME or NAME:PORT; a name is 1 to 63 lower-case letters, digits and -,"
                f" with no - first or last, such as web for web.{DOMAIN}"
            )
        if colon and not (_PORT.fullmatch(port) and int(port) <= MAX_PORT):
            raise ValueError(f"the port is a number from 1 to {MAX_PORT}, such as {name}:8080")
        return cls(name, int(port or 0))

    @property
    def domain(self) -> str:
        """What a resolver is asked for: web.fleet.internal."""
        return f"{self.name}.{DOMAIN}"


def instance_label(unit: str, machine: str) -> str:
    """The label, below the service's name, of what a unit gives on a machine.

    Unit names hold what a label of DNS cannot.
    """
    return hashlib.sha256(f"{unit} {machine}".encode()).hexdigest()[:16]
