"""Calendar of backups: how long it takes from one to the next, as systemd reads the text."""

from itertools import pairwise
from time import time

from ..engine.runs.calendar import CalendarError, printed, told

ITERATIONS = 8


def interval(calendar: str) -> float:
    """The most seconds between two of the next times; 0 if systemd does not say."""
    try:
        return longest(printed(calendar, time(), ITERATIONS))
    except CalendarError:
        return 0.0  # Then nobody is told that one is late.


def longest(text: str) -> float:
    """The same, of what `systemd-analyze calendar` prints (pure)."""
    return max((later - earlier for earlier, later in pairwise(told(text))), default=0.0)
