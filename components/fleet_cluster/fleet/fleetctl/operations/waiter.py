"""Waiting for units, without polling and never in silence."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from ..cli.errors import TimedOutError
from ..cli.numbers import count, of_option, seconds
from ..cli.output import SLOW_SECONDS, tell
from ..state.wait_conditions import Failed, WaitCondition, Waiting
from ..state.watcher import Watcher

NOTICE_SECONDS = 4.0
"""How often to say what is being waited for, when that has changed."""
ATTEMPT_SECONDS = 0.5
"""fleet 1.0 looked twice a second: what one of `--block-attempts` stands for."""
NAMED_UNITS = 5
"""How many units a notice names."""


def add_options(parser: ArgumentParser) -> None:
    """The options of commands that wait."""
    parser.add_argument("--no-block", action="store_true", help="do not wait: return at once")
    add_limits(parser)


def add_limits(parser: ArgumentParser) -> None:
    """The options of commands that wait in any case: how long at most."""
    parser.add_argument(
        "--block-attempts",
        type=of_option(count),
        default=0,
        metavar="N",
        help="wait at most N half seconds, as fleet 1.0 did (default: 0, no limit)",
    )
    add_timeout(parser, "wait at most so long, then exit 3")


def add_timeout(parser: ArgumentParser, meaning: str) -> None:
    """The option `--timeout`, for all commands that have one."""
    parser.add_argument(
        "--timeout",
        type=of_option(seconds),
        default=0,
        metavar="SECONDS",
        help=f"{meaning} (default: 0, no limit)",
    )


def timeout_of(arguments: Namespace) -> float | None:
    """The time limit in seconds that the options of `add_options` or `add_timeout` ask for.

    None without one, or without such an option.
    """
    attempts = getattr(arguments, "block_attempts", 0)
    limits = [getattr(arguments, "timeout", 0), attempts * ATTEMPT_SECONDS]
    return min((limit for limit in limits if limit > 0), default=None)


def announce(_name: str, message: str) -> None:
    """Print that a unit is there; of many at once, `Wait` sends the lines on together."""
    print(message)


def say_nothing(_name: str, _message: str) -> None:
    """For waits whose end is told in another way, or not at all."""


@dataclass
class Wait:
    """One wait for a number of units."""

    watcher: Watcher
    conditions: dict[str, WaitCondition]
    timeout: float | None = None
    announce: Callable[[str, str], None] = announce
    """Called when a unit is there, with its name and what to tell the operator."""
    failures: dict[str, Failed] = field(default_factory=dict[str, Failed])
    _waiting: dict[str, Waiting] = field(default_factory=dict[str, Waiting])
    _announced: set[str] = field(default_factory=set[str])

    def run(self) -> Mapping[str, Failed]:
        """Wait until all units, at the same moment, are where they are to be, or cannot get there.

        Returns:
            The units that failed.

        Raises:
            TimedOutError: the time limit came first.
        """
        started = monotonic()
        due = started + SLOW_SECONDS
        notice = ""
        while self._check():
            now = monotonic()
            if self.timeout is not None and now - started >= self.timeout:
                raise self._timed_out(self.timeout)
            if now >= due and not self._is_nearly_done():
                due = now + NOTICE_SECONDS
                if notice != (notice := self._notice()):
                    tell(notice)
            deadline = min(max(due, now + SLOW_SECONDS), now + self._soonest())
            if self.timeout is not None:
                deadline = min(deadline, started + self.timeout)
            self.watcher.wait(deadline - now)
        return self.failures

    def _is_nearly_done(self) -> bool:
        """Whether only time has to pass, and hardly any: that is not worth a line."""
        if self.watcher.lost:
            return False
        left = [one.again for one in self._waiting.values()]
        return all(seconds is not None and seconds < NOTICE_SECONDS for seconds in left)

    def _soonest(self) -> float:
        again = [one.again for one in self._waiting.values() if one.again is not None]
        return min(again, default=NOTICE_SECONDS)

    def _timed_out(self, seconds: float) -> TimedOutError:
        at_work = {
            name: waiting.machine for name, waiting in self._waiting.items() if waiting.machine
        }
        return TimedOutError(f"not done after {seconds:g} s. {self._notice()}", at_work)

    def _check(self) -> bool:
        """Look at every unit, also at those that were there before; whether any is not."""
        self._waiting.clear()
        for name, condition in list(self.conditions.items()):
            outcome = condition(self.watcher.view)
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
        sys.stdout.flush()
        return bool(self._waiting)

    def _notice(self) -> str:
        if self.watcher.lost:
            return "Waiting for etcd: no member answers at present."
        lines = [f"  {name}: {waiting.why}" for name, waiting in self._waiting.items()]
        named, more = lines[:NAMED_UNITS], len(lines) - NAMED_UNITS
        return "\n".join(["Waiting for:", *named, *([f"  and {more} more"] if more > 0 else [])])
