"""The window in which machines reboot by themselves, when their operating system asks for it."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAILY = "daily"
ALLOWED = (
    'days and hours, in UTC, such as "Sun 02:00-04:00", "Mon-Fri 22:00-01:00" or '
    '"daily 03:00-05:00"; or empty: no machine reboots by itself'
)
_DAY = "|".join(DAYS)
_WINDOW = re.compile(
    rf"(?:(?P<first>{_DAY})(?:-(?P<last>{_DAY}))?|{DAILY}) "
    r"(?P<begin>\d\d):(?P<begin_minute>[0-5]\d)-(?P<end>\d\d):(?P<end_minute>[0-5]\d)"
)
_MIDNIGHT = 24 * 60


@dataclass(frozen=True)
class RebootWindow:
    """A window of each week, in UTC: neither opened twice nor skipped when clocks are changed."""

    days: Collection[int]
    """On which it opens: 0 is Monday."""
    begin: int
    """Minutes after midnight."""
    minutes: int
    """For how long it is open; it may close on the next day."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The window that a setting means; none, if it is empty.

        Raises:
            ValueError: it means none.
        """
        if not text:
            return None
        match = _WINDOW.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no window: {ALLOWED}")
        begin = int(match["begin"]) * 60 + int(match["begin_minute"])
        end = int(match["end"]) * 60 + int(match["end_minute"])
        minutes = end - begin if end > begin else end - begin + _MIDNIGHT
        if begin >= _MIDNIGHT or end > _MIDNIGHT or begin == end:
            raise ValueError(f"{text!r} is no window, by its hours: {ALLOWED}")
        return cls(_days(match["first"], match["last"]), begin, minutes)

    def opening(self, now: float) -> str:
        """When it was opened, if it is open now (seconds since 1970); empty if it is not."""
        moment = datetime.fromtimestamp(now, UTC)
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        for day in (midnight, midnight - timedelta(days=1)):
            opened = day + timedelta(minutes=self.begin)
            closed = opened + timedelta(minutes=self.minutes)
            if day.weekday() in self.days and opened <= moment < closed:
                return f"{opened:%Y-%m-%d %H:%M}"
        return ""


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(len(DAYS)))
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return frozenset((begin + n) % len(DAYS) for n in range((end - begin) % len(DAYS) + 1))
