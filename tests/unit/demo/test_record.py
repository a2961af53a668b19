"""The recording: waits are shorter, and all that was printed is in it, in order."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.record import LONGEST, TICK, Event, record, shorten, shortened

TICKED, PRINTED = "\r\x1b[2K\x1b[1A\x1b[2K\r\n count", "\r\x1b[2K\x1b[1A\x1b[2Kline\r\n\r\n count"
EVENTS = st.lists(st.tuples(st.floats(0, 30), st.sampled_from([TICKED, PRINTED])), max_size=40).map(
    lambda gaps: [
        Event(sum(gap for gap, _ in gaps[: at + 1]), drawn) for at, (_, drawn) in enumerate(gaps)
    ]
)


@given(EVENTS)
def test_all_that_was_printed_is_there_and_no_wait_is_too_long(events: list[Event]) -> None:
    kept = shorten(events)
    printed = [event for event in kept if not event.is_tick]
    shown = "".join(event.drawn for event in kept)
    assert shown.count("line\r\n") == "".join(one.drawn for one in events).count("line\r\n")
    times = [event.at for event in kept]
    assert times == sorted(times)
    for first, last in zip(printed, printed[1:], strict=False):
        assert last.at - first.at <= LONGEST + 1e-6


@given(EVENTS)
def test_counts_come_no_more_often_than_one_can_read(events: list[Event]) -> None:
    kept = shorten(events)
    for before, event in zip(kept, kept[1:], strict=False):
        assert not event.is_tick or event.at - before.at >= TICK


def test_a_short_wait_stays_as_it_was() -> None:
    events = [Event(1.0, PRINTED), Event(2.0, TICKED), Event(3.0, PRINTED)]
    assert [event.at for event in shorten(events)] == [0.0, 1.0, 2.0]


def test_a_cast_stays_a_cast() -> None:
    header = json.dumps({"version": 2, "width": 100, "height": 28})
    cast = "\n".join([header, json.dumps([0.5, "o", PRINTED]), json.dumps([60.5, "o", PRINTED])])
    first, *rest = shortened(cast).splitlines()
    assert first == header
    assert [json.loads(line) for line in rest] == [[0.0, "o", PRINTED], [LONGEST, "o", PRINTED]]


def test_a_demo_that_fails_is_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asciinema = tmp_path / "asciinema"
    # As asciinema 2.4 does, it ends well whatever it has recorded.
    asciinema.write_text(
        '#!/bin/sh\nwhile [ "$1" != --command ]; do shift; done\nsh -c "$2"; true\n'
    )
    asciinema.chmod(0o755)
    monkeypatch.setattr("demo.record.DEMO", ("sh", "-c", "exit 3"))
    assert record(asciinema, tmp_path / "raw.cast") == 3


def test_what_was_read_in_pieces_is_drawn_as_a_whole() -> None:
    head, tail = TICKED[:-4], TICKED[-4:]
    events = [Event(1.0, PRINTED), Event(9.0, head), Event(9.01, tail), Event(9.02, TICKED)]
    assert [event.drawn for event in shorten(events)] == [PRINTED, TICKED + TICKED]
