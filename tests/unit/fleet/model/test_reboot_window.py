"""When machines may reboot by themselves."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.model.reboot_window import DAYS, RebootWindow

SUNDAY = datetime(2026, 11, 29, tzinfo=UTC)


def opening(text: str, day: int, hour: int, minute: int = 0) -> str:
    """Of a window, on a day of the week that begins with that Sunday."""
    window = RebootWindow.parse(text)
    assert window
    return window.opening(SUNDAY.replace(hour=hour, minute=minute).timestamp() + day * 86400)


@pytest.mark.parametrize(
    ("text", "day", "hour", "minute", "opened"),
    [
        ("Sun 02:00-04:00", 0, 2, 0, "2026-11-29 02:00"),
        ("Sun 02:00-04:00", 0, 3, 59, "2026-11-29 02:00"),
        ("Sun 02:00-04:00", 0, 4, 0, ""),
        ("Sun 02:00-04:00", 0, 1, 59, ""),
        ("Sun 02:00-04:00", 1, 3, 0, ""),
        ("Sun 22:30-01:00", 0, 23, 0, "2026-11-29 22:30"),
        ("Sun 22:30-01:00", 1, 0, 59, "2026-11-29 22:30"),
        ("Sun 22:30-01:00", 0, 0, 30, ""),
        ("Mon-Wed 02:00-04:00", 3, 3, 0, "2026-12-02 02:00"),
        ("Mon-Wed 02:00-04:00", 4, 3, 0, ""),
        ("Sat-Mon 02:00-04:00", 0, 3, 0, "2026-11-29 02:00"),
        ("daily 00:00-24:00", 5, 23, 59, "2026-12-04 00:00"),
        ("daily 12:00-11:59", 5, 3, 0, "2026-12-03 12:00"),
    ],
)
def test_it_is_open_at_these_times(
    text: str, day: int, hour: int, minute: int, opened: str
) -> None:
    assert opening(text, day, hour, minute) == opened


@pytest.mark.parametrize(
    "text",
    [
        "always", "Sun", "sun 02:00-04:00", "Sunday 02:00-04:00", "Sun 2:00-4:00", "Sun 02:00",
        "Sun 02:00-02:00", "Sun 24:00-01:00", "Sun 02:00-24:01", "Sun 02:60-04:00",
        "Sun 02:00-04:00 ", "Sun,Mon 02:00-04:00",
    ],
)  # fmt: skip
def test_what_is_no_window_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(ValueError, match='such as "Sun 02:00-04:00"'):
        RebootWindow.parse(text)


def test_without_one_no_machine_reboots_by_itself() -> None:
    assert RebootWindow.parse("") is None


@given(
    day=st.sampled_from(DAYS),
    begin=st.integers(0, 1439),
    minutes=st.integers(1, 1439),
    now=st.integers(0, 4 * 10**9),
)
def test_it_is_open_as_long_as_it_says_each_week(
    day: str, begin: int, minutes: int, now: int
) -> None:
    end = (begin + minutes) % 1440
    window = RebootWindow.parse(
        f"{day} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    )
    assert window
    week = [bool(window.opening(now + 60 * n)) for n in range(0, 7 * 1440, 10)]
    assert abs(sum(week) * 10 - minutes) <= 10
