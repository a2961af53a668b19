"""Calendars: when a timer elapses, as systemd itself reads its `OnCalendar=`, in UTC.

Whichever machine leads has to say the same, so the time zone of the machine does not count; a
calendar may name its own.
"""

import os
import re
import subprocess
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

ITERATIONS = 50
"""How many elapses are asked for at once."""
SECONDS = 10.0
_ELAPSE = re.compile(
    r"^ *(?:Next elapse|Iter(?:\.|ation) #\d+|\(in UTC\)): \w+ ([\d-]+ [\d:]+) UTC$", re.MULTILINE
)
"""A line of an elapse: an iteration is `Iter. #2` to systemd 252, `Iteration #2` to 257."""

Elapses = Callable[[Sequence[str], float], list[float]]
"""The next elapses of calendars after a time (seconds since 1970), in order; none: there are none.
"""


class CalendarError(Exception):
    """systemd does not tell when a calendar elapses."""


def ask_systemd(calendars: Sequence[str], after: float) -> list[float]:
    """See `Elapses`.

    Raises:
        CalendarError: it is no calendar, or systemd does not answer.
    """
    found = [_asked(calendar, after) for calendar in calendars]
    # Beyond the last of one that goes on, another one has elapses that were not asked for.
    horizon = min((times[-1] for times in found if len(times) >= ITERATIONS), default=None)
    merged = {one for times in found for one in times if horizon is None or one <= horizon}
    return sorted(one for one in merged if one > after)


def _asked(calendar: str, after: float) -> list[float]:
    return told(printed(calendar, after))


def printed(calendar: str, after: float, iterations: int = ITERATIONS) -> str:
    """What `systemd-analyze calendar` prints of a calendar, with so many elapses after a time.

    Raises:
        CalendarError: it is no calendar, or systemd does not answer.
    """
    base = f"--base-time=@{int(after)}"
    words = ("systemd-analyze", "calendar", f"--iterations={iterations}", base, "--", calendar)
    env = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        asked = subprocess.run(
            words, env=env, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CalendarError(f"systemd-analyze does not answer: {error}") from error
    if asked.returncode:
        raise CalendarError(asked.stderr.strip() or f"it exited with {asked.returncode}")
    return asked.stdout


def told(text: str) -> list[float]:
    """The elapses in what `systemd-analyze calendar` prints (pure)."""
    return [
        datetime.strptime(one, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
        for one in _ELAPSE.findall(text)
    ]


class Calendars:
    """Calendars that are asked again only when what was told is over."""

    def __init__(self, elapses: Elapses) -> None:
        self._elapses = elapses
        self._told: dict[tuple[str, ...], tuple[float, list[float]]] = {}

    def next(self, calendars: tuple[str, ...], after: float) -> float | None:
        """The first elapse after a time; None when there is none.

        Raises:
            CalendarError: see `ask_systemd`.
        """
        since, times = self._told.get(calendars, (after, [0.0]))
        if not since <= after or (times and after >= times[-1]):
            since, times = after, self._elapses(calendars, after)
            self._told[calendars] = since, times
        found = bisect_right(times, after)
        return times[found] if found < len(times) else None
