"""Which faults strike, where, for how long, and what each may cost: data, the same for one seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

SHORT = (1.0, 6.0)
"""Seconds well below the machines' lease, so that nothing is lost."""
LONG = (14.0, 22.0)
"""Seconds above it, and above those after which a machine counts as sick."""


class Cost(Enum):
    """What a fault may cost."""

    NOTHING = "no unit restarts or moves, and no request fails"
    RESTARTS = "the machine's units restart where they are, and no request fails"
    MACHINE = "its units run elsewhere; requests in flight, and its share of the health check"
    OUTAGE = "all units restart where they were, and no request fails once all is whole"


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
    cost: Cost = Cost.NOTHING
    told: str = ""
    """What /healthz or list-machines has to say before one that lasts long ends."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind("fleetd-killed", 3),
        Kind("fleetd-restarted", 2),
        Kind("fleetd-changed", 2),
        Kind("etcd-killed", 3),
        Kind("etcd-stopped", 2, (SHORT, LONG)),
        Kind("majority-stopped", 2, (SHORT, LONG), machines=2),
        Kind("etcd-paused", 2, (SHORT, LONG)),
        Kind("etcd-silent", 3, (SHORT, LONG)),
        Kind("etcd-no-space", 2, (SHORT, LONG), machines=0, told="alarm NOSPACE"),
        Kind("etcd-disk-full", 1, (LONG,), told="/var/lib/etcd/fleet is short of room"),
        Kind("keys-deleted", 1, machines=0),
        Kind("bad-records", 1, (SHORT, LONG), machines=0, told="cannot be used"),
        Kind("run-full", 2, (SHORT, LONG), told="sick: /run "),
        Kind("docker-restarted", 1, cost=Cost.RESTARTS),
        Kind("docker-hung", 2, (LONG,), told="sick: Docker does not answer"),
        Kind("dbus-stopped", 2, (SHORT, LONG), told="systemd does not do as it should"),
        Kind("packets-lost", 2, (SHORT, LONG)),
        Kind("packets-late", 2, (SHORT, LONG)),
        Kind("cut-off", 3, (SHORT, LONG), cost=Cost.MACHINE),
        Kind("frozen", 3, (SHORT, LONG), cost=Cost.MACHINE),
        Kind("without-power", 2, (SHORT, LONG), cost=Cost.MACHINE),
        Kind("rebooted", 1, cost=Cost.MACHINE),
        Kind("duplicate-id", 1, (LONG,), cost=Cost.MACHINE, told="duplicate-id"),
        Kind("all-without-power", 1, (SHORT, LONG), machines=3, cost=Cost.OUTAGE),
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

    @property
    def cost(self) -> Cost:
        """What it may cost."""
        return KINDS[self.kind].cost

    @property
    def told(self) -> str:
        """What has to be told before it ends; empty if nothing has."""
        return KINDS[self.kind].told if self.seconds >= LONG[0] else ""

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
