"""The record of a name: where a service is, in the form that CoreDNS's plugin for etcd reads."""

from dataclasses import dataclass
from typing import ClassVar

from .printable import check_address
from .record import Record

TTL = 1
"""Seconds that an answer may be kept: the least that CoreDNS takes from a record."""


@dataclass(frozen=True)
class ServiceRecord(Record):
    """One unit on one machine that is found by a name.

    What CoreDNS reads of it is SkyDNS's form: `host`, `port` and `ttl`; the rest it passes over.
    On no lease: a worker could not keep its lease alive with a key on it that is not its own.
    """

    kind: ClassVar[str] = "service"
    host: str
    """The machine's address."""
    unit: str
    machine: str
    """The machine's id."""
    port: int = 0
    """0 where the unit's file gives none."""
    ttl: int = TTL

    def __post_init__(self) -> None:
        """Check what is shown and resolved."""
        check_address(self.host)
