"""Problems of units: logged once, blocking the same attempt, forgotten with their cause."""

import logging

import pytest

from fleet_cluster.fleet.agent.assignments import Assigned
from fleet_cluster.fleet.agent.problems import Problems
from fleet_cluster.fleet.model.records import Assignment, DesiredState

A = "a.service"


def assigned(revision: int) -> Assigned:
    return Assigned(Assignment("s", DesiredState.LAUNCHED), revision)


def test_a_problem_is_logged_when_it_is_new(caplog: pytest.LogCaptureFixture) -> None:
    problems = Problems()
    for reason in ("no room", "no room", "read-only"):
        with caplog.at_level(logging.ERROR):
            problems.add(A, 3, reason)
    assert [one.getMessage() for one in caplog.records] == [f"{A}: no room", f"{A}: read-only"]
    assert problems.has_news and problems.reason(A) == "read-only"


def test_a_problem_blocks_the_same_assignment_until_the_next_attempt() -> None:
    problems = Problems()
    problems.add(A, 3, "no room")
    assert problems.blocks(A, assigned(3)) and not problems.blocks(A, assigned(4))
    assert not problems.blocks("b.service", assigned(3))
    problems.begin_attempt()
    assert not problems.blocks(A, assigned(3)) and problems.reason(A) == "no room"


def test_a_problem_goes_when_it_is_solved_or_its_unit_or_its_assignment_is_gone() -> None:
    problems = Problems()
    for name in (A, "b.service", "c.service", "d.service"):
        problems.add(name, 3, "no room")
    problems.solve([A])
    problems.prune({A, "c.service", "d.service"}, {"c.service": assigned(4)})
    reasons = {name: problems.reason(name) for name in (A, "b.service", "c.service", "d.service")}
    assert reasons == {A: "", "b.service": "", "c.service": "", "d.service": "no room"}
