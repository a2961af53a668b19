"""What is next about a timer's elapses: for any times, stamps and runs."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.engine.runs.elapses import (
    LATE_SECONDS,
    TimerState,
    begun,
    next_elapse,
    stopped,
)
from fleet_cluster.fleet.model.runs import LOST, MISSED, SKIPPED, SUCCESS, RunState, Timer

STEP = 10.0
RUNNING = Timer(stamp=1000.0, next=1010.0, is_running=True, sha="5a", data="data")


def after(stamp: float) -> float:
    return STEP * (stamp // STEP + 1)


def known(now: float, **others: object) -> TimerState:
    plain = TimerState(now, "5a", "data", is_persistent=False, next_after=after, machine="m1")
    return replace(plain, **others)


def ended(due: float, duration: float, result: str = SUCCESS) -> RunState:
    return RunState("n.service", f"{due:.0f}", "m1", due, due, due, due + duration, result)


def test_a_timer_begins_now_and_makes_up_for_nothing_before() -> None:
    found = next_elapse(None, known(1003.0))
    assert found and found.run is None
    assert found.timer == Timer(1003.0, 1010.0, is_running=True, sha="5a", data="data")


def test_an_elapse_is_handed_out_when_it_is_due_and_not_before() -> None:
    assert next_elapse(RUNNING, known(1009.9)) is None
    found = next_elapse(RUNNING, known(1010.0))
    assert found and found.run and (found.run.due, found.run.machine) == (1010.0, "m1")
    assert (found.timer.stamp, found.timer.next) == (1010.0, 1020.0)


def test_it_waits_for_a_machine_and_for_the_run_before() -> None:
    assert next_elapse(RUNNING, known(1010.0, machine="")) is None
    assert next_elapse(RUNNING, known(1010.0, is_open=True)) is None


def test_what_the_job_itself_takes_skips_an_elapse_and_a_loss_does_not() -> None:
    long = next_elapse(replace(RUNNING, stamp=1010.0), known(1026.0, last=ended(1010.0, 15.0)))
    assert long and long.run and (long.run.outcome, long.run.due) == (SKIPPED, 1020.0)
    late = replace(ended(1010.0, 3.0), started=1022.0, ended=1025.0)
    made_up = next_elapse(replace(RUNNING, stamp=1010.0), known(1026.0, last=late))
    assert made_up and made_up.run and made_up.run.machine == "m1"
    lost = replace(ended(1010.0, 0.0, LOST), ended=0.0)
    again = next_elapse(replace(RUNNING, stamp=1010.0), known(1026.0, last=lost))
    assert again and again.run and (again.run.due, again.run.machine) == (1020.0, "m1")


def test_after_a_long_time_persistent_makes_up_by_one_run_and_without_it_is_missed() -> None:
    now = 1010.0 + LATE_SECONDS + 5
    missed = next_elapse(RUNNING, known(now))
    assert missed and missed.run and (missed.run.outcome, missed.run.until) == (MISSED, now)
    one = next_elapse(RUNNING, known(now, is_persistent=True))
    assert one and one.run and (one.run.outcome, one.run.due) == ("", 1010.0)
    assert missed.timer.stamp == one.timer.stamp == now


def test_a_timer_that_was_stopped_is_told_of_by_persistent_alone() -> None:
    rests = stopped(RUNNING)
    assert rests and not rests.is_running and stopped(rests) is None
    assert next_elapse(rests, known(1025.0)) == begun(known(1025.0))
    one = next_elapse(rests, known(1025.0, is_persistent=True))
    assert one and one.run and one.run.due == 1010.0 and one.timer.stamp == 1025.0


def test_other_data_another_file_or_a_wrong_clock_begin_anew() -> None:
    for timer in (replace(RUNNING, data="other"), replace(RUNNING, sha="4b")):
        assert next_elapse(timer, known(1065.0)) == begun(known(1065.0))
    ahead = replace(RUNNING, stamp=9000.0)
    assert next_elapse(ahead, known(1065.0)) == begun(known(1065.0))


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 40.0), st.booleans(), st.floats(0.0, 25.0), st.booleans(), st.booleans()
        ),
        max_size=60,
    )
)
def test_whatever_happens_each_elapse_is_dealt_with_once_and_in_order(
    history: list[tuple[float, bool, float, bool, bool]],
) -> None:
    """Time passes; a machine is there or not; a run takes some time, or its machine is lost."""
    timer, now, last, dealt = RUNNING, 1000.0, None, list[float]()
    for seconds, is_there, duration, is_lost, goes_on in history:
        now += seconds
        seen = known(now, machine="m1" if is_there else "", last=last, is_open=goes_on)
        found = next_elapse(timer, seen)
        if found is None or found.run is None:
            continue
        due, until = found.run.due, max(found.run.until, found.run.due)
        assert due == after(timer.stamp) and until <= found.timer.stamp <= now
        dealt.append(due)
        assert found.timer.stamp == until, "nothing between two elapses is passed over"
        timer = found.timer
        if found.run.machine:
            assert is_there and not goes_on
            last = None if is_lost else ended(due, duration)
    assert dealt == sorted(set(dealt))
