"""Which faults strike, where and for how long: data, the same for the same seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SHORT = (1.0, 6.0)
"""Seconds well below the machines' lease, so that nothing is lost."""
LONG = (14.0, 22.0)
"""Seconds above it."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault, and what it may cost."""

    name: str
    weight: int
    """How often it comes, compared with the others."""
    lasts: Sequence[tuple[float, float]] = ()
    """Ranges of its duration in seconds; none for what is over at once."""
    machines: int = 1
    """How many machines it strikes; 0 for what strikes the cluster."""
    loses_machines: bool = False
    """Their units may move, and requests may be lost; otherwise nothing may be noticed."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind("fleetd-killed", 3),
        Kind("fleetd-restarted", 2),
        Kind("etcd-killed", 3),
        Kind("etcd-stopped", 2, (SHORT, LONG)),
        Kind("majority-stopped", 2, (SHORT, LONG), machines=2),
        Kind("etcd-paused", 2, (SHORT, LONG)),
        Kind("etcd-silent", 3, (SHORT, LONG)),
        Kind("keys-deleted", 1, machines=0),
        Kind("bad-records", 1, (SHORT,), machines=0),
        Kind("cut-off", 3, (SHORT, LONG), loses_machines=True),
        Kind("frozen", 3, (SHORT, LONG), loses_machines=True),
        Kind("without-power", 2, (SHORT, LONG), loses_machines=True),
        Kind("rebooted", 1, loses_machines=True),
    )
}


@dataclass(frozen=True)
class Event:
    """One fault."""

    kind: str
    machines: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.kind} {','.join(self.machines) or '-'} {self.seconds:.1f}"

    @classmethod
    def parse(cls, text: str) -> "Event":
        """Read "frozen machine-2 14.0"."""
        kind, machines, seconds = text.split()
        names = () if machines == "-" else tuple(machines.split(","))
        return cls(KINDS[kind].name, names, float(seconds))


def events(seed: int, machines: Sequence[str]) -> Iterator[Event]:
    """Faults without end."""
    chance = random.Random(seed)
    kinds = list(KINDS.values())
    while True:
        kind = chance.choices(kinds, [one.weight for one in kinds])[0]
        struck = tuple(sorted(chance.sample(sorted(machines), kind.machines)))
        seconds = chance.uniform(*chance.choice(kind.lasts)) if kind.lasts else 0.0
        yield Event(kind.name, struck, round(seconds, 1))
