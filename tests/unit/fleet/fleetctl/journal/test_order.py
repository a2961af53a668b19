"""Order of the lines of several machines: of what is there, and of what comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.journal.entry import Entry
from fleet_cluster.fleet.fleetctl.journal.order import ALL, Window, in_order
from tests.unit.fleet.fleetctl.small_cluster import DB, WEB

TIMES = st.lists(st.lists(st.integers(0, 50), max_size=8).map(sorted), max_size=4)


def entry(at: int) -> Entry:
    return Entry(at, "a.service", WEB, {})


@given(journals=TIMES)
def test_what_is_there_comes_by_time(journals: list[list[int]]) -> None:
    found = in_order([map(entry, times) for times in journals], ALL)
    assert [one.at for one in found] == sorted(at for times in journals for at in times)


@given(journals=TIMES, limit=st.integers(0, 40), backwards=st.booleans())
def test_the_last_of_all_also_where_journalctl_prints_backwards(
    journals: list[list[int]], limit: int, backwards: bool
) -> None:
    printed = [times[::-1] if backwards else times for times in journals]
    found = in_order([map(entry, times) for times in printed], str(limit))
    expected = sorted(at for times in journals for at in times)
    assert [one.at for one in found] == expected[max(len(expected) - limit, 0) :]


@given(arrivals=st.lists(st.tuples(st.floats(0, 2), st.integers(0, 50))))
def test_a_window_gives_each_line_once_in_time_and_after_what_it_held_of_earlier_ones(
    arrivals: list[tuple[float, int]],
) -> None:
    window, now, held = Window(0.5), 0.0, list[tuple[float, int]]()
    for pause, at in [*arrivals, (9.0, 99), (9.0, 99)]:
        now += pause
        while (wait := window.wait(now - pause)) is not None and now - pause + wait <= now:
            due = now - pause + wait
            for one in window.due(due):
                first = min(other for _, other in held)
                assert one.at == first, "an earlier one was held too"
                held.remove(next(pair for pair in held if pair[1] == first))
            assert all(due - arrived < 0.5 + 1e-6 for arrived, _ in held)
            pause = now - due
        window.add(entry(at), now)
        held.append((now, at))
    assert len(held) == 1


def test_a_line_that_comes_later_within_the_window_is_put_before() -> None:
    window = Window(0.5)
    window.add(Entry(20, "a.service", WEB, {}), 0.0)
    window.add(Entry(10, "a.service", DB, {}), 0.4)
    assert window.wait(0.4) == pytest.approx(0.1)  # pyright: ignore[reportUnknownMemberType]
    assert list(window.due(0.4)) == []
    assert [one.at for one in window.due(0.5)] == [10, 20]
    assert window.wait(0.5) is None
