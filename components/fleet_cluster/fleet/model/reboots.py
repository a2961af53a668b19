"""The records of reboots: who is asked to, whose turn it is, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

from .printable import check_host_name, check_id
from .record import Record
from .records import Eligibility
from .wire import wire

REBOOT_SECONDS = 600.0
"""How long a machine's turn may take, from the drain until its units are up again."""
WINDOW = "window of "
"""What the id of a series begins with that nobody has asked for but the operating systems."""


class RebootPhase(StrEnum):
    """The phase of a machine's turn."""

    DRAINING = "draining"
    """Its units move away."""
    REBOOTING = "rebooting"
    """It is told to reboot, and is away."""
    RETURNING = "returning"
    """It is up again, and gets no units before it is healthy."""
    FILLING = "filling"
    """It gets units again, and those that are to be there are not all up."""


@dataclass(frozen=True)
class RebootRequest(Record):
    """The request that a machine reboots, and afterwards what came of it."""

    kind: ClassVar[str] = "reboot request"
    DONE: ClassVar[str] = "done"
    series: str
    """The id of the series: a machine that does not come back ends it for those after it."""
    name: str = ""
    """The machine's host name, which nothing else tells while it is away."""
    by: str = ""
    """Who asks."""
    requested_at: float = field(default=0.0, metadata=wire("at"))
    """When: seconds since 1970."""
    force: bool = False
    """Reboot also when units have to stop for it that can run nowhere else."""
    timeout: float = REBOOT_SECONDS
    """How many seconds its turn may take."""
    outcome: str = ""
    """What came of it: `DONE`, or why it was not done in words; empty as long as it is to be."""
    seconds: float = 0.0
    """How long its turn has taken."""
    passed_over: bool = field(default=False, metadata=wire("passed"))
    """It was not rebooted for a reason of its own: nothing is against another machine's turn."""
    joined: Mapping[str, str] = field(default_factory=dict[str, str])
    """Who else has asked for it meanwhile, by the id that the series would have had."""

    def __post_init__(self) -> None:
        """Check what an operator is told to type."""
        check_host_name(self.name)

    @property
    def is_of_window(self) -> bool:
        """Whether the operating system asks for it, in a window of reboots."""
        return self.series.startswith(WINDOW)


@dataclass(frozen=True)
class RebootLock(Record):
    """The lock of reboots: the one machine whose turn it is.

    It is on no lease: it has to outlast the machine's, which ends when the machine goes down, and
    that of the leader, which may be the machine that reboots.
    """

    kind: ClassVar[str] = "reboot lock"
    machine: str
    """The id of the machine."""
    boot: str
    """What the machine said that it was booted as, when its turn came."""
    phase: str = RebootPhase.DRAINING
    """A `RebootPhase`, or one of another version."""
    series: str = ""
    by: str = ""
    """Who has asked for it."""
    since: float = 0.0
    """When its turn came: seconds since 1970."""
    force: bool = False
    timeout: float = REBOOT_SECONDS
    down: Mapping[str, str] = field(default_factory=dict[str, str])
    """The units that were not up there before, and what they were: they are not waited for."""
    failure: str = ""
    """Why its turn does not end, in words: until it does, or is ended, no machine reboots."""

    def __post_init__(self) -> None:
        """Check what becomes a part of keys."""
        check_id(self.machine)


def after_reboot(mark: Eligibility) -> Eligibility | None:
    """The mark of a machine that was drained for its reboot, when that has ended."""
    if not mark.cordoned:
        return None
    return replace(mark, draining=False, force=False, rebooting=False)
