"""The work of a plan grows with the cluster, not with its square: counted, not timed."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from bench.schedule import CASES, Run
from fleet_cluster.fleet.scheduler.rebalance import rebalance
from fleet_cluster.fleet.scheduler.schedule import schedule
from tests.unit.fleet.clusters import instances, machines

TOLERANCE = 1.05


def instructions(run: Run) -> int:
    """How many of Python's instructions this takes: the same on every computer."""
    count = 0

    def step(_frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
        nonlocal count
        count += event == "opcode"
        return step

    def enter(frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any]:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return step

    run()  # Python 3.13 traces a function's first run as other instructions than its next.
    before = sys.gettrace()
    sys.settrace(enter)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("case", CASES)
def test_eight_times_the_cluster_is_eight_times_the_work(case: str) -> None:
    make = CASES[case]
    small, large = instructions(make(200, 20)), instructions(make(1_600, 160))
    assert large / small < 8 * TOLERANCE


def balanced(units: int, count: int) -> Run:
    jobs, among = instances("u", units), machines(count)
    current = schedule(jobs, among, {}).placements
    return lambda: rebalance(jobs, among, current)


def test_so_it_is_to_find_that_all_is_balanced() -> None:
    small, large = instructions(balanced(200, 20)), instructions(balanced(1_600, 160))
    assert large / small < 8 * TOLERANCE
