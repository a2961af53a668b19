"""Reboots as the leader sees to them: one machine's turn after the other, step by step."""

import logging
from collections.abc import Callable, Sequence

from ..cluster_state.state import ClusterState
from ..journal_log import about
from ..kv import Delete, Operation, Put
from ..model.reboot_window import RebootWindow
from .reboot_queue import Moment, Step, open_requests
from .reboot_quorum import AskMembers, Members, no_members
from .reboot_turns import next_step

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds that members of etcd get to be well: an election may be going on."""
AGAIN_SECONDS = 1.0
"""After so long what members have said is old, and they are asked again."""


class Reboots:
    """Reboots in one term of leadership. Times are the leader's own."""

    def __init__(
        self,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        ask_members: AskMembers = no_members,
        window: str = "",
    ) -> None:
        """`window`: when machines reboot whose operating system asks for it; empty: never."""
        self._clock = clock
        self._wall_clock = wall_clock
        self._ask_members = ask_members
        self._window = RebootWindow.parse(window)
        self._turn: tuple[str, ...] = ()
        self._turn_since = 0.0
        self._phase = ""
        self._phase_since = 0.0
        self._asked_at = 0.0
        self._is_answered = False
        """Whether the look that was asked for has been used."""
        self._waits_for = ""

    def next_step(self, state: ClusterState, settled: bool) -> Step | None:
        """The next step; none while something is waited for, or nothing is to be done."""
        if not self.has_work(state):
            self._turn, self._phase, self._waits_for = (), "", ""
            return None
        self._note(state)
        elapsed = self._clock() - self._turn_since
        now, is_due = self._wall_clock(), state.reboot_lock or open_requests(state)
        members = self._members() if is_due else None
        moment = Moment(now, elapsed, members, settled, self._opening(now))
        step = next_step(state, moment)
        if isinstance(step, Step):
            return step
        self._tell(step, state)
        return None

    def has_work(self, state: ClusterState) -> bool:
        """Whether a machine has its turn, is to have it, or may ask for it in a window."""
        if state.reboot_lock is not None or open_requests(state):
            return True
        asks = any(one.reboot_required for one in state.machines.values())
        return asks and bool(self._window)

    def _opening(self, now: float) -> str:
        return self._window.opening(now) if self._window else ""

    def _note(self, state: ClusterState) -> None:
        """Note when this turn and its phase were first seen."""
        lock, now = state.reboot_lock, self._clock()
        turn = (lock.machine, lock.series, str(lock.since)) if lock else ("", *open_requests(state))
        if turn != self._turn:
            self._turn, self._turn_since, self._phase = turn, now, ""
        phase = lock.phase if lock else "waiting"
        if phase != self._phase:
            self._phase, self._phase_since = phase, now
            self._ask_anew(now)

    def _ask_anew(self, now: float) -> None:
        self._asked_at, self._is_answered = now, False

    def _members(self) -> Members | None:
        """How etcd's members do, asked just now; what may be an election is waited out.

        A look may take longer than `AGAIN_SECONDS`, so it is used once, as soon as it has ended;
        not if the loop comes late to it and all were well.
        """
        now = self._clock()
        if self._is_answered and now - self._asked_at >= AGAIN_SECONDS:
            self._ask_anew(now)
        members = self._ask_members(self._asked_at)
        if members is None:
            return None
        is_well = not any(members.values())
        if is_well and not self._is_answered and now - self._asked_at >= PATIENCE:
            self._ask_anew(now)
            return self._ask_members(now)
        self._is_answered = True
        return members if is_well or now - self._phase_since >= PATIENCE else None

    def _tell(self, waits_for: str, state: ClusterState) -> None:
        if waits_for != self._waits_for:
            self._waits_for, lock = waits_for, state.reboot_lock
            machine = lock.machine if lock else ""
            log.info("reboot: %s", waits_for, extra=about("reboot", machine=machine))


def writes(step: Step) -> Sequence[Operation]:
    """What a step writes."""
    return [
        Put(key, record.to_json()) if record else Delete(key)
        for key, record in step.records.items()
    ]
