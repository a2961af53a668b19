"""Records of runs: what was to be run once, on one machine, and what came of it."""

from dataclasses import dataclass, field
from typing import ClassVar

from .printable import check_id
from .record import Record
from .wire import wire

NO_EXIT_CODE = -1
"""Nothing has exited: it goes on, was never started, or nobody knows."""

SUCCESS = "success"
LOST = "lost"
"""Its machine was lost, or rebooted, while it ran: how far it came is not known."""
MISSED = "missed"
"""It was not run: while its timer did not run, or no machine was there for so long."""
SKIPPED = "skipped"
"""It was not run: the run before it went on when it was due."""


@dataclass(frozen=True)
class Run(Record):
    """The run of a unit, as it is handed to a machine by who may: the leader, or fleetctl.

    A machine runs it if it can note first that it does, in one transaction with this record as it
    was handed out. So it is run once, whoever is lost.
    """

    kind: ClassVar[str] = "run"
    machine: str = ""
    """The id of the machine that is to run it; empty when it is not to be run."""
    due: float = 0.0
    """The elapse of its timer: seconds since 1970; 0 when no timer asks for it."""
    requested_at: float = field(default=0.0, metadata=wire("at"))
    """When it was handed out: seconds since 1970."""
    by: str = ""
    """Who asks for it; empty when its timer does."""
    data: str = ""
    """The id of etcd's data that it was handed out in: no machine takes it over from other data;
    empty where that does not matter."""
    until: float = 0.0
    """Of one that is not to be run: it stands for all elapses until then; 0: for its own."""
    outcome: str = ""
    """`LOST`, `MISSED` or `SKIPPED`; empty when it is the machine's to tell."""

    def __post_init__(self) -> None:
        """Check what becomes a part of keys."""
        if self.machine:
            check_id(self.machine)


@dataclass(frozen=True)
class RunReport(Record):
    """The report on a run, by the machine that runs it; on no lease, so that it outlasts it."""

    kind: ClassVar[str] = "run report"
    boot: str = ""
    """What the machine is booted as: after another boot the run does not go on."""
    invocation: str = ""
    """What systemd called the unit's invocation before this one."""
    started: float = 0.0
    """When the machine took it, by its clock: seconds since 1970."""
    ended: float = 0.0
    """When it ended; 0 as long as it goes on."""
    result: str = ""
    """systemd's word: `SUCCESS`, exit-code, signal, timeout ..., or `LOST`; empty before."""
    exit_code: int = field(default=NO_EXIT_CODE, metadata=wire("exit"))
    """As a shell has it: 128 and the number of the signal, where one has ended it."""


@dataclass(frozen=True)
class Timer(Record):
    """A timer with `Once=true`: how far its elapses have been dealt with, by the leader."""

    kind: ClassVar[str] = "timer"
    stamp: float = 0.0
    """All elapses until then were: seconds since 1970."""
    next: float = 0.0
    """The first elapse after that; 0 when there is none, or the timer does not run."""
    is_running: bool = field(default=False, metadata=wire("running"))
    """Whether it runs: it is wanted launched."""
    sha: str = ""
    """The file whose `OnCalendar=` that is."""
    data: str = ""
    """The id of etcd's data: in other data, as of a backup, nothing is made up for."""


@dataclass(frozen=True)
class RunState:
    """The state of a run, of its two records: what is told of it."""

    unit: str
    id: str
    machine: str
    due: float
    requested_at: float
    started: float = 0.0
    ended: float = 0.0
    result: str = ""
    """Empty as long as it is not over."""
    exit_code: int = NO_EXIT_CODE
    by: str = ""
    until: float = 0.0

    @property
    def duration(self) -> float:
        """How many seconds it has taken; 0 as long as it is not known."""
        return max(0.0, self.ended - self.started) if self.ended else 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return bool(self.result)


def run_state(unit: str, id: str, run: Run, report: RunReport | None) -> RunState:
    """The state of a run. `report`: that of the machine which it was handed to.

    What the machine has seen of its end goes before what the leader took for it.
    """
    seen = report or RunReport()
    return RunState(
        unit=unit,
        id=id,
        machine=run.machine,
        due=run.due,
        requested_at=run.requested_at,
        started=seen.started,
        ended=seen.ended,
        result=seen.result or run.outcome,
        exit_code=seen.exit_code,
        by=run.by,
        until=run.until,
    )
