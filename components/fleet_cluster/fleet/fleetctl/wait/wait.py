"""The wait for units, without polling and never in silence."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from time import monotonic

from ..cli.errors import TimedOutError
from ..cli.output import SLOW_SECONDS, tell
from ..state.watcher import Watcher
from .outcome import Failed, Outcome, WaitCondition, Waiting

NOTICE_SECONDS = 4.0
"""How often to say what is being waited for, when that has changed."""


NAMED_UNITS = 5
"""How many units a notice names."""


def announce(_name: str, message: str) -> None:
    """Print that a unit is there; of many at once, `Wait` sends the lines on together."""
    print(message)


def say_nothing(_name: str, _message: str) -> None:
    """Announcement of nothing, for waits whose end is printed in another way, or not at all."""


@dataclass
class Wait:
    """The wait for a number of units, each with its condition."""

    watcher: Watcher
    conditions: dict[str, WaitCondition]
    timeout: float | None = None
    announce: Callable[[str, str], None] = announce
    """Called when a unit is there, with its name and what to tell the operator."""
    slow_seconds: float = SLOW_SECONDS
    """When to say for the first time what is being waited for."""
    notice_seconds: float = NOTICE_SECONDS
    """How often to say it again, when it has changed."""
    clock: Callable[[], float] = monotonic
    failures: dict[str, Failed] = field(default_factory=dict[str, Failed])
    _waiting: dict[str, Waiting] = field(default_factory=dict[str, Waiting])
    _announced: set[str] = field(default_factory=set[str])
    _started: float = 0.0
    _notice_due: float = 0.0
    _noticed: str = ""

    def run(self) -> Mapping[str, Failed]:
        """Wait until all units, at the same moment, are where they are to be, or cannot get there.

        Returns:
            The units that failed.

        Raises:
            TimedOutError: the time limit came first.
        """
        self._started = self.clock()
        self._notice_due = self._started + self.slow_seconds
        while self._check():
            now = self.clock()
            if self.timeout is not None and now - self._started >= self.timeout:
                raise self._timed_out(self.timeout)
            if now >= self._notice_due and not self._is_nearly_done():
                self._give_notice(now)
            self.watcher.wait(self._deadline(now) - now)
        return self.failures

    def _give_notice(self, now: float) -> None:
        self._notice_due = now + self.notice_seconds
        if self._noticed != (notice := self._notice()):
            self._noticed = notice
            tell(notice)

    def _deadline(self, now: float) -> float:
        """When to look again, though nothing has changed by then."""
        again = [one.again for one in self._waiting.values() if one.again is not None]
        soonest = now + min(again, default=self.notice_seconds)
        limit = inf if self.timeout is None else self._started + self.timeout
        return min(max(self._notice_due, now + self.slow_seconds), soonest, limit)

    def _is_nearly_done(self) -> bool:
        """Whether only time has to pass, and hardly any: that is not worth a line."""
        if self.watcher.lost:
            return False
        left = [one.again for one in self._waiting.values()]
        return all(seconds is not None and seconds < self.notice_seconds for seconds in left)

    def _timed_out(self, seconds: float) -> TimedOutError:
        at_work = {
            name: waiting.machine for name, waiting in self._waiting.items() if waiting.machine
        }
        return TimedOutError(f"not done after {seconds:g} s. {self._notice()}", at_work)

    def _check(self) -> bool:
        """Look at every unit, also at those that were there before; whether any is not."""
        self._waiting.clear()
        for name, condition in list(self.conditions.items()):
            self._take(name, condition(self.watcher.state))
        sys.stdout.flush()
        return bool(self._waiting)

    def _take(self, name: str, outcome: Outcome) -> None:
        if isinstance(outcome, Waiting):
            self._waiting[name] = outcome
        elif isinstance(outcome, Failed):
            self.failures[name] = outcome
            del self.conditions[name]
        elif name not in self._announced:
            self._announced.add(name)
            self.announce(name, outcome.message)
            if outcome.note:
                tell(outcome.note)

    def _notice(self) -> str:
        if self.watcher.lost:
            return "Waiting for etcd: no member answers at present."
        lines = [f"  {name}: {waiting.why}" for name, waiting in self._waiting.items()]
        named, more = lines[:NAMED_UNITS], len(lines) - NAMED_UNITS
        return "\n".join(["Waiting for:", *named, *([f"  and {more} more"] if more > 0 else [])])
