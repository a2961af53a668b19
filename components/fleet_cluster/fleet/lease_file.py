"""The lease file: what fleetd notes of its lease, for the next fleetd and for the fence."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PATH = Path("/run/fleet/lease")
"""Where it is on a machine."""


@dataclass(frozen=True)
class LeaseRecord:
    """A lease as it was last renewed. Times are seconds of a clock that a boot begins anew."""

    id: int = 0
    """The lease's id; 0 when there is none."""
    connected_since: float = math.inf
    """Since when it was renewed without a break."""
    renewed_at: float = -math.inf
    """When its last renewal was asked for."""
    ttl: int = 0
    """Its full time in seconds."""

    def to_text(self) -> str:
        """The file's content: one line, the id in hexadecimal digits."""
        return f"{self.id:x} {self.connected_since} {self.renewed_at} {self.ttl}\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The record in a file; none, and renewed long ago, if it is empty or damaged."""
        try:
            id, connected_since, renewed_at, ttl = text.split()
            return cls(int(id, 16), float(connected_since), float(renewed_at), int(ttl))
        except ValueError:
            return cls()
