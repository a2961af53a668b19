"""Start results of units that are not up: how the start job ended, why, and their last lines."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..model.records import JOB_DONE, JOB_PENDING, RESTARTING
from ..systemd.failure_reason import is_skip
from ..systemd.manager import RESTING, Systemd, UnitStatus, is_at_rest
from .checkpoint import LocalUnit, Progress

AGAIN_SECONDS = 30.0
"""Of a unit that systemd restarts again and again, the journal is read no more often."""

BROKEN_LOADS = ("error", "bad-setting", "masked")
"""LOAD states of a unit that systemd cannot start."""

JOB_TIMEOUT = "timeout"
"""A job that took longer than the unit's JobTimeoutSec=; what it began goes on."""

UNKNOWN_RESULT = "unknown"
"""How a job has ended while fleetd was away."""


@dataclass(frozen=True)
class StartResult:
    """The start result of one unit, as it was then."""

    unit: LocalUnit
    status: UnitStatus
    reason: str
    journal: str

    def is_old(self, unit: LocalUnit, status: UnitStatus) -> bool:
        """Whether it is of another failure; of a unit that keeps failing, of one long ago."""
        apart = AGAIN_SECONDS if _is_trying(status) else 0.0
        differs = (status.active, status.since) != (self.status.active, self.status.since)
        later = differs and status.since - self.status.since >= apart
        again = unit.start_requested_at != self.unit.start_requested_at
        return later or again or unit.sha != self.unit.sha


@dataclass(frozen=True)
class _Attempt:
    """An attempt to start a unit that fleetd asked systemd to start then."""

    requested_at: float
    status: UnitStatus

    def follows(self, before: "_Attempt") -> bool:
        """Whether the one before has failed."""
        is_same = self.requested_at == before.requested_at
        return is_same and self.status.since != before.status.since


class StartResults:
    """Start results by unit: each is asked for once, and kept as long as it is true."""

    def __init__(self, systemd: Systemd) -> None:
        self._systemd = systemd
        self._known: dict[str, StartResult] = {}
        self._attempts: dict[str, _Attempt] = {}
        """Of each unit, the attempt to start it that was seen last."""

    def refresh(self, units: Mapping[str, LocalUnit], statuses: Mapping[str, UnitStatus]) -> None:
        """Ask about what is not up; about what fails again and again, now and then."""
        failed = self._failed_unseen(units, statuses)
        down = {
            name: (unit, statuses[name])
            for name, unit in units.items()
            if name in statuses and (name in failed or _is_unwell(unit, statuses[name]))
        }
        known = {name: self._known[name] for name in down if name in self._known}
        old = [n for n in down if n not in known or known[n].is_old(*down[n])]
        reasons = self._systemd.reasons(old) if old else {}
        bad = [name for name in old if not _has_ended(*down[name])]
        since = {name: down[name][0].start_requested_at for name in bad}
        journals = self._systemd.journal(since) if since else {}
        known |= {n: StartResult(*down[n], reasons[n], journals.get(n, "")) for n in old}
        # What is started again has failed all the same, until it is active.
        trying = [n for n in self._known if n in statuses and _is_unsettled(statuses[n])]
        self._known = {n: self._known[n] for n in trying} | known

    def _failed_unseen(
        self, units: Mapping[str, LocalUnit], statuses: Mapping[str, UnitStatus]
    ) -> set[str]:
        """Units of which only the next attempt is seen: RestartSec= was over at once."""
        now = {
            name: _Attempt(unit.start_requested_at, statuses[name])
            for name, unit in units.items()
            if name in statuses and _is_trying(statuses[name])
        }
        before = {n: one for n, one in self._attempts.items() if n in units}
        self._attempts = before | now
        return {name for name in now if name in before and now[name].follows(before[name])}

    def reason(self, name: str) -> str:
        """Why the unit is not up, as far as systemd tells."""
        return self._known[name].reason if name in self._known else ""

    def journal(self, name: str) -> str:
        """The last lines of a unit that has failed, or was not started."""
        return self._known[name].journal if name in self._known else ""

    def job(self, name: str, unit: LocalUnit, status: UnitStatus) -> str:
        """See `UnitState.job`."""
        if unit.progress is Progress.STARTED and status.job and status.active in RESTING:
            return JOB_PENDING
        end = _end(unit, status)
        if end == UNKNOWN_RESULT and is_skip(self.reason(name)):
            return JOB_DONE
        # Without a reason, it did run: systemd has forgotten that.
        return end if self.reason(name) else _unless_done(end)


def _is_unwell(unit: LocalUnit, status: UnitStatus) -> bool:
    """Whether it is not up; of one that has ended by itself, systemd tells whether it ran."""
    failed = status.active == "failed" or status.sub in RESTARTING
    never = status.load in BROKEN_LOADS or bool(_end(unit, status))
    return failed or never or _has_ended(unit, status)


def _has_ended(unit: LocalUnit, status: UnitStatus) -> bool:
    rests = is_at_rest(status) and status.active == "inactive"
    return rests and _was_started(unit) and not _end(unit, status)


def _was_started(unit: LocalUnit) -> bool:
    return unit.progress is Progress.STARTED and unit.start_requested_at > 0


def _end(unit: LocalUnit, status: UnitStatus) -> str:
    """How the job that was to start a unit has ended, if it has not brought the unit up."""
    if status.job or not _was_started(unit):
        return ""
    if status.active == "activating" and status.result == JOB_TIMEOUT:
        return status.result
    if status.since not in (0.0, unit.since):
        return ""
    return (status.result or UNKNOWN_RESULT) if is_at_rest(status) else _unless_done(status.result)


def _unless_done(result: str) -> str:
    return "" if result == JOB_DONE else result


def _is_trying(status: UnitStatus) -> bool:
    return status.active == "activating"


def _is_unsettled(status: UnitStatus) -> bool:
    """Whether it is on its way: between two attempts it may have to be cleaned up after."""
    return status.active in ("activating", "deactivating")
