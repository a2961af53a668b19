"""How long it is from one backup to the next, by what systemd says of the calendar's text."""

import shutil

import pytest

from fleet_cluster.fleet.backup.calendar import interval, longest

TOLD = """\
  Original form: Mon..Fri 03:00
Normalized form: Mon..Fri *-*-* 03:00:00
    Next elapse: Thu 2026-12-03 03:00:00 UTC
       From now: 3 days left
       Iter. #2: Fri 2026-12-04 03:00:00 UTC
       From now: 4 days left
       Iter. #3: Mon 2026-12-07 03:00:00 UTC
       From now: 1 week 0 days left
"""
HOUR = 3600.0


@pytest.mark.parametrize("iteration", ["    Iter.", "Iteration"])
def test_the_longest_gap_counts(iteration: str) -> None:
    """As systemd 252 prints it, and 257."""
    assert longest(TOLD.replace("    Iter.", iteration)) == 72 * HOUR


@pytest.mark.parametrize("told", ["", "Failed to parse calendar specification", TOLD[:120]])
def test_what_systemd_does_not_say_is_not_known(told: str) -> None:
    assert longest(told) == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
@pytest.mark.parametrize(
    ("calendar", "seconds"),
    [("hourly", HOUR), ("daily", 24 * HOUR), ("Mon 04:00", 168 * HOUR), ("no calendar", 0)],
)
def test_systemd_is_asked(calendar: str, seconds: float) -> None:
    assert interval(calendar) == seconds
