"""The rate limit of reports: a unit that flaps is reported every few seconds, not each time (pure).

Each report is kept in etcd's history for minutes, and a unit that fails at once, with systemd's
usual pause of 100 ms, changes its state twenty times a second.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass, replace

from ..model.records import JOB_PENDING, UnitState
from ..systemd.manager import RESTING

SECONDS = 3.0
"""How far apart the reports of a unit are that flaps."""

BURST = 6.0
"""So many of any unit come at once: a restart, by whomever, passes through several states."""

START_BURST = 30.0
"""So many come at once after a start: a command waits for them, and it sees a unit fail five times
before it gives up."""

CALM = 2.0
"""A unit that has saved so many does not flap any more."""


@dataclass(frozen=True)
class _Bucket:
    """A token bucket of one unit: each report costs a token, and each `SECONDS` bring one."""

    state: UnitState
    """What is reported."""
    at: float
    """When it had so many tokens."""
    tokens: float = BURST
    is_flapping: bool = False
    """Whether something was held back since it was calm."""

    def refilled(self, now: float) -> "_Bucket":
        """The bucket now. What a start has brought above `BURST` is used up by time, too."""
        passed = (now - self.at) / SECONDS
        above = self.tokens > BURST
        tokens = max(BURST, self.tokens - passed) if above else min(BURST, self.tokens + passed)
        return replace(self, tokens=tokens, at=now, is_flapping=self.is_flapping and tokens < CALM)

    def taking(self, state: UnitState) -> "_Bucket":
        """The bucket when the unit is in this state."""
        if self.is_flapping and not _is_at_rest(state):
            state = replace(state, journal="")
        if state == self.state:
            return self
        if self.tokens >= 1 or _is_urgent(state, self.state):
            return replace(self, state=state, tokens=max(0.0, self.tokens - 1))
        return replace(self, is_flapping=True)

    def left(self) -> float:
        """For how many seconds what is held back has to wait."""
        return ((1 if self.tokens < 1 else CALM) - self.tokens) * SECONDS if self.is_flapping else 0


class RateLimit:
    """A rate limit for the states of a machine's units."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds, which never go back."""
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def passed(self, name: str, state: UnitState) -> UnitState:
        """What is to be reported of a unit that is in this state: this, or still the one before.

        A new start, a problem, and that the unit has come to rest are reported at once. While it
        flaps, it is so without its journal's lines.
        """
        now = self._clock()
        bucket = self._buckets.get(name) or _Bucket(state, now)
        if _start(state) != _start(bucket.state):
            bucket = _Bucket(state, now, START_BURST)
        bucket = bucket.refilled(now).taking(state)
        self._buckets[name] = bucket
        return bucket.state

    @property
    def flapping(self) -> int:
        """How many units flap."""
        return sum(one.is_flapping for one in self._buckets.values())

    def keep(self, names: Set[str]) -> None:
        """Forget all other units."""
        self._buckets = {name: self._buckets[name] for name in self._buckets.keys() & names}

    def left(self) -> float:
        """After how many seconds something may pass that is held back; 0 if nothing is."""
        return min(filter(None, (one.left() for one in self._buckets.values())), default=0.0)


def _start(state: UnitState) -> tuple[str, float]:
    """What tells one start of a unit from another."""
    return state.sha, state.start_requested_at


def _is_urgent(state: UnitState, before: UnitState) -> bool:
    """Whether it does not come from systemd's restarts, or ends them."""
    has_ended = _is_at_rest(state) and state.active != before.active
    return has_ended or _circumstances(state) != _circumstances(before)


def _is_at_rest(state: UnitState) -> bool:
    return state.active in RESTING and state.job != JOB_PENDING


def _circumstances(state: UnitState) -> tuple[str, bool, str]:
    return state.load, state.orphan, state.problem
