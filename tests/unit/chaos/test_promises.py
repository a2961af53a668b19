"""A broken promise is told."""

from typing import cast

from tests.cluster.asking import Run
from tests.cluster.chaos.events import Event
from tests.cluster.chaos.promises import (
    Round,
    Span,
    answers,
    moves_nothing,
    runs_once,
    stops_nothing,
)
from tests.cluster.load import Load, Request

KILLED = Event("fleetd-killed", ("machine-1",), 0.0)
FROZEN = Event("frozen", ("machine-1",), 14.0)
RESTARTED = Event("docker-restarted", ("machine-1",), 0.0)
ALL_OFF = Event("all-without-power", ("machine-1", "machine-2"), 5.0)
FIRST, SECOND = Run("a", "1", 1.0), Run("b", "2", 2.0)
BEFORE = {("machine-1", "one.service"): FIRST, ("machine-2", "two.service"): FIRST}


def test_a_unit_that_was_restarted_is_told_unless_its_machine_was_lost():
    after = {**BEFORE, ("machine-1", "one.service"): SECOND}
    assert list(stops_nothing(Round(KILLED, BEFORE, BEFORE))) == []
    assert "one.service on machine-1" in next(stops_nothing(Round(KILLED, BEFORE, after)))
    assert list(stops_nothing(Round(FROZEN, BEFORE, after))) == []
    others = {**BEFORE, ("machine-2", "two.service"): SECOND}
    assert list(stops_nothing(Round(FROZEN, BEFORE, others)))


def test_units_may_restart_where_they_are_if_their_machine_is_touched_and_move_if_it_was_lost():
    after = {**BEFORE, ("machine-1", "one.service"): SECOND}
    moved = {("machine-2", "one.service"): SECOND, ("machine-2", "two.service"): FIRST}
    for event in (RESTARTED, ALL_OFF):
        assert [*stops_nothing(Round(event, BEFORE, after))] == []
        assert [*moves_nothing(Round(event, BEFORE, after))] == []
        assert len([*moves_nothing(Round(event, BEFORE, moved))]) == 2
    assert [*moves_nothing(Round(FROZEN, BEFORE, moved))] == []


def test_a_unit_that_runs_twice_or_nowhere_is_told_but_a_global_one():
    twice = {**BEFORE, ("machine-2", "one.service"): SECOND}
    everywhere = {(machine, "nginx.service"): FIRST for machine in ("machine-1", "machine-2")}
    assert list(runs_once(Round(KILLED, BEFORE, {**BEFORE, **everywhere}))) == []
    assert len(list(runs_once(Round(KILLED, BEFORE, twice)))) == 1
    nowhere = {("machine-2", "two.service"): FIRST}
    assert len(list(runs_once(Round(FROZEN, BEFORE, nowhere)))) == 1


class _Sent:
    """Ten requests, one a second, some without an answer."""

    users = 2

    def __init__(self, *failed: int) -> None:
        requests = [Request(float(at), 0.1, "no" if at in failed else "") for at in range(10)]
        self.failed = [request for request in requests if request.trouble]

    def per_second(self) -> float:
        return 1.0


def test_failed_requests_are_told_beyond_what_a_lost_machine_may_cost():
    def told(event: Event, *failed: int) -> list[str]:
        return list(answers(event, cast(Load, _Sent(*failed)), Span(2.0, 6.0, 8.0)))

    assert told(KILLED, 0, 1, 8, 9) == [], "they belong to other faults"
    assert len(told(KILLED, 5)) == 1
    assert told(FROZEN, 2, 3, 4, 5, 6) == []
    assert len(told(FROZEN, 2, 3, 4, 5, 6, 7)) == 1
    assert len(told(RESTARTED, 5)) == 1
    assert told(ALL_OFF, 2, 3, 4, 5) == [], "nobody was there"
    assert len(told(ALL_OFF, 6)) == 1
