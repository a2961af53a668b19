"""Start tracker: what was seen of one start of a unit (pure)."""

from collections import Counter
from collections.abc import Callable

from ...cluster_state.placement import SERVING, UP
from ...cluster_state.state import ClusterState
from ...model.records import JOB_DONE, JOB_PENDING, RESTARTING, UnitState
from ..cli.names import legend
from .on_machines import because, describe
from .outcome import Failed, Outcome, Reached, Reports, Waiting

MAX_RESTARTS = 5
"""How often a unit may fail while it starts: what it needs may come a moment later."""


class StartTracker:
    """Tracker of one start of a unit; of one that is done at once, it may see the end only."""

    def __init__(
        self,
        name: str,
        before: Reports | None,
        clock: Callable[[], float],
        max_restarts: int = MAX_RESTARTS,
        again: bool = False,
        is_proven: bool = False,
    ) -> None:
        """`again`: it ran already, so that what is still as before is not this start's."""
        self._name = name
        self._clock = clock
        self._max_restarts = max_restarts
        self._again = again
        self._is_start = before is not None
        self._is_proven = is_proven or before is None
        self._before = before or {}
        self._seen = dict(self._before)
        self._active: dict[str, tuple[float, float]] = {}
        """Since when it is active on a machine, by its clock and by ours."""
        self._attempts: dict[str, UnitState] = {}
        """On each machine, the attempt to start it that was reported last."""
        self._restarts: Counter[str] = Counter()
        self._ran: set[str] = set()

    def check(self, machine: str, state: UnitState, view: ClusterState) -> Outcome:
        """Outcome on a machine, as it is reported now and was before."""
        where = legend(machine, view.machines)
        self._note(machine, state)
        if state.job and state.job != JOB_PENDING and not self._is_reported_before(machine, state):
            return _job_ended(state, machine, where)
        if state.job == JOB_PENDING or (self._again and self._is_old(machine, state)):
            return Waiting(describe(state, machine, view), machine)
        if self._restarts[machine] >= self._max_restarts:
            return Failed(self._keeps_failing(where), machine, state.journal)
        if state.active in SERVING:
            return self._probation(machine, state, view) or Reached(where)
        if state.active == "failed" and not self._is_old(machine, state):
            return Failed(f"it failed on {where}{because(state)}", machine, state.journal)
        if state.active == "inactive" and self._has_run(machine, view):
            return Reached(where, _skipped(state, where))
        return Waiting(describe(state, machine, view), machine)

    def _probation(self, machine: str, state: UnitState, view: ClusterState) -> Waiting | None:
        """The probation of a unit that is active; None when it is over."""
        if self._is_proven or view.is_oneshot(self._name):
            return None
        now = self._clock()
        since, seen = self._active.get(machine, (state.since, now))
        seen = seen if since == state.since else now
        self._active[machine] = (state.since, seen)
        left = seen + view.healthy_seconds(self._name) - now
        if left <= 0:
            return None
        where = legend(machine, view.machines)
        return Waiting(f"active on {where}; it has to stay so for {left:.1f} s", machine, left)

    def _keeps_failing(self, where: str) -> str:
        if self._max_restarts == 1:
            return f"it failed on {where}"
        return f"it keeps failing on {where}; systemd goes on trying"

    def _is_reported_before(self, machine: str, state: UnitState) -> bool:
        """Whether what became of a job was reported before this start."""
        before = self._before.get(machine)
        return before is not None and (before.job, before.start_requested_at) == (
            state.job,
            state.start_requested_at,
        )

    def _note(self, machine: str, state: UnitState) -> None:
        before = self._seen.get(machine)
        if state == before:
            return
        self._seen[machine] = state
        has_failed = (
            _is_restarting(before, state),
            self._is_next_attempt(machine, state),
            self._is_back(machine, before, state),
        )
        self._restarts[machine] += any(has_failed)
        # systemd forgets when a unit ran soon after it has ended, so it is noted here.
        if self._is_new(machine, state) or state.active in (*UP, "deactivating"):
            self._ran.add(machine)

    def _is_next_attempt(self, machine: str, state: UnitState) -> bool:
        """Whether it failed and systemd tries again already: only the next attempt is reported.

        From systemd 254 on RestartSec= is over when anything asks for the unit, as a unit does
        that is bound to it.
        """
        before = self._attempts.pop(machine, None) if state.active == "activating" else None
        if state.active == "activating" and state.sub not in RESTARTING:
            self._attempts[machine] = state
        if before is None or state.sub in RESTARTING:
            return False
        requested = before.start_requested_at == state.start_requested_at
        return requested and before.since != state.since

    def _is_back(self, machine: str, before: UnitState | None, state: UnitState) -> bool:
        """Whether it failed and ran again within milliseconds: only the new run is reported."""
        if before is None or machine not in self._active:
            return False
        return {before.active, state.active} <= {*SERVING} and before.since != state.since

    def _is_new(self, machine: str, state: UnitState) -> bool:
        """Whether a state that was seen only after the unit had ended is of this start."""
        before = self._before.get(machine)
        if not self._is_start or state.load == "not-found":
            return False  # What systemd has no file of, it has not run now.
        if before is None:
            return state.since > 0
        requested_at = state.start_requested_at
        return requested_at not in (0.0, before.start_requested_at) and state.since >= requested_at

    def _is_old(self, machine: str, state: UnitState) -> bool:
        before = self._before.get(machine)
        return before is not None and (state.active, state.since) == (before.active, before.since)

    def _has_run(self, machine: str, view: ClusterState) -> bool:
        return machine in self._ran if self._is_start else view.is_oneshot(self._name)


def _is_restarting(before: UnitState | None, state: UnitState) -> bool:
    """Whether it has failed since, and is to be started again; more may be told of a failure."""
    if state.sub not in RESTARTING:
        return False
    return before is None or before.sub not in RESTARTING or before.since != state.since


def _job_ended(state: UnitState, machine: str, where: str) -> Outcome:
    """Outcome of a job that has not brought the unit up; an unmet condition is no failure."""
    if state.job == JOB_DONE:
        return Reached(where, _skipped(state, where))
    what = f"systemd did not start it on {where}: {state.job}"
    return Failed(f"{what}{because(state)}", machine, state.journal)


def _skipped(state: UnitState, where: str) -> str:
    return f"systemd skipped it on {where}{because(state)}" if state.reason else ""
