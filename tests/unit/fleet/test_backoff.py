"""Backoff with chance in it."""

from fleet_cluster.fleet.backoff import (
    REFUSED_SECONDS,
    UNANSWERED_SECONDS,
    Backoff,
    longest_pause,
)
from fleet_cluster.fleet.kv import KVRefusedError, KVUnavailableError


def test_each_pause_is_up_to_twice_the_one_before_and_there_is_a_longest() -> None:
    chances = iter([1.0, 0.0, 0.5, 1.0, 1.0])
    backoff = Backoff(0.5, lambda: next(chances))
    assert [backoff.pause(2.0) for _ in range(5)] == [0.5, 0.5, 1.5, 2.0, 2.0]


def test_after_a_success_it_begins_anew() -> None:
    backoff = Backoff(0.5, lambda: 1.0)
    assert [backoff.pause(2.0) for _ in range(2)] == [0.5, 1.0]
    backoff.reset()
    assert backoff.pause(2.0) == 0.5


def test_two_that_fail_together_do_not_come_back_together() -> None:
    one, two = Backoff(1.0, lambda: 0.2), Backoff(1.0, lambda: 0.9)
    assert all(one.pause(8.0) != two.pause(8.0) for _ in range(10))


def test_who_was_refused_waits_longer_than_who_was_not_answered() -> None:
    assert longest_pause(KVRefusedError("no space")) == REFUSED_SECONDS
    assert longest_pause(KVUnavailableError("no leader")) == UNANSWERED_SECONDS < REFUSED_SECONDS
