"""Units as systemd in memory keeps them, and unit files that tests share."""

from dataclasses import dataclass

from fleet_cluster.fleet.systemd.manager import LastRun

SLEEPS = "[Service]\nExecStart=/bin/sleep inf\n"
FAILS = "[Service]\nExecStart=/bin/false\n"
ENDS = "[Service]\nType=oneshot\nExecStart=/bin/true\n"


@dataclass
class Loaded:
    """What systemd keeps of a unit."""

    text: str | None = None
    active: str = "inactive"
    sub: str = "dead"
    since: float = 0.0
    job: str = ""
    result: str = ""
    invocation: str = ""
    ends_at: float = 0.0
    last: LastRun = LastRun()


@dataclass(frozen=True)
class Started:
    """A process that was run."""

    name: str
    sha: str
    at: float


def is_up(unit: Loaded) -> bool:
    """Whether a process of the unit may run."""
    return unit.active in ("active", "activating", "deactivating")
