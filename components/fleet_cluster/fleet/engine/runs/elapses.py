"""Elapses of a timer with `Once=true`: what is next about them, decided from what is known (pure).

Each elapse after the timer's stamp is handed to a machine, in order, one after the other; the
stamp moves with it, in the same transaction, so none is handed out twice and none is passed over
in silence.

- An elapse that the run before it would have overlapped, had that been on time, is skipped: by
  what the job takes, and not by who was lost meanwhile.
- While a run goes on, or no machine is ready, elapses wait. After `LATE_SECONDS` the timer counts
  as one that did not run: `Persistent=true` makes up for all that passed by one run, without it
  they are missed, and the history says so.
- The same is so of a timer that was stopped, of which nothing is told.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...model.runs import MISSED, SKIPPED, Run, RunState, Timer

LATE_SECONDS = 300.0
"""So late an elapse is still made up for by itself: far longer than a machine, its lease and an
election take."""


@dataclass(frozen=True)
class TimerState:
    """What is known of a timer that is to run."""

    now: float
    """Seconds since 1970, by the leader's clock."""
    sha: str
    """Its file."""
    data: str
    """The id of etcd's data."""
    is_persistent: bool
    next_after: Callable[[float], float | None]
    """Its first elapse after a time."""
    last: RunState | None = None
    """Its last run, as far as its machine has told when it ended."""
    is_open: bool = False
    """Whether a run goes on, or is handed out and not taken yet."""
    machine: str = ""
    """The machine that is ready to run it; empty while none is."""


@dataclass(frozen=True)
class Elapsed:
    """What is next: the timer's record, and the run of an elapse, if one is dealt with."""

    timer: Timer
    run: Run | None = None


def begun(known: TimerState) -> Elapsed:
    """A timer that runs from now on."""
    return Elapsed(_stamped(known, known.now))


def next_elapse(timer: Timer | None, known: TimerState) -> Elapsed | None:
    """What is next about a timer's elapses; None while nothing is."""
    if timer is None or (timer.data, timer.sha) != (known.data, known.sha):
        return begun(known)
    if timer.stamp > known.now + LATE_SECONDS:
        return begun(known)  # The clock of the leader before was wrong, or this one is.
    first = known.next_after(timer.stamp)
    is_due = first is not None and first <= known.now
    if first is None or not is_due:
        wanted = replace(timer, is_running=True, next=first or 0.0)
        return Elapsed(wanted) if wanted != timer else None
    if not timer.is_running:
        return _made_up(first, known) if known.is_persistent else begun(known)
    if known.is_open:
        return None
    if known.last and known.last.due < first < known.last.due + known.last.duration:
        until = min(known.now, known.last.due + known.last.duration)
        return _not_run(first, until, SKIPPED, known)
    if known.now - first > LATE_SECONDS:
        if known.is_persistent:
            return _made_up(first, known)
        return _not_run(first, known.now, MISSED, known)
    return _handed_out(first, first, known)


def stopped(timer: Timer | None) -> Timer | None:
    """The record of a timer that is not to run; None when it says so already."""
    if timer is None or not timer.is_running:
        return None
    return replace(timer, is_running=False, next=0.0)


def _made_up(first: float, known: TimerState) -> Elapsed | None:
    """One run for all that have passed."""
    return None if known.is_open else _handed_out(first, known.now, known)


def _handed_out(due: float, stamp: float, known: TimerState) -> Elapsed | None:
    if not known.machine:
        return None
    run = Run(known.machine, due, known.now, data=known.data)
    return Elapsed(_stamped(known, stamp), run)


def _not_run(first: float, until: float, outcome: str, known: TimerState) -> Elapsed:
    run = Run(due=first, requested_at=known.now, data=known.data, until=until, outcome=outcome)
    return Elapsed(_stamped(known, until), run)


def _stamped(known: TimerState, stamp: float) -> Timer:
    upcoming = known.next_after(stamp) or 0.0
    return Timer(stamp, upcoming, is_running=True, sha=known.sha, data=known.data)
