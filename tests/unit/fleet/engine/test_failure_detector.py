"""Which machines are missed, and when there are too many."""

from fleet_cluster.fleet.engine.failure_detector import FailureDetector
from tests.unit.fleet.fakes.clock import FakeClock

WINDOW = 10.0


def cluster(clock: FakeClock, machines: str) -> FailureDetector:
    losses = FailureDetector(clock, WINDOW)
    losses.look(set(machines), set(machines))
    return losses


def test_half_may_be_missing_more_may_not() -> None:
    losses = cluster(FakeClock(), "abcd")
    losses.look(set("ab"), set("abcd"))
    assert not losses.too_many and losses.missing == set("cd")
    losses.look(set("a"), set("abcd"))
    assert losses.too_many


def test_machines_that_only_the_schedule_knows_count() -> None:
    losses = FailureDetector(FakeClock(), WINDOW)
    losses.look(set("a"), set("abc"))
    assert losses.too_many


def test_losses_one_after_another_are_each_settled() -> None:
    clock = FakeClock()
    losses = cluster(clock, "abc")
    losses.look(set("bc"), set("abc"))
    losses.settle(losses.missing)
    clock.advance(WINDOW + 1)
    losses.look(set("c"), set("bc"))
    assert not losses.too_many


def test_losses_within_the_window_count_as_at_once_even_if_settled() -> None:
    losses = cluster(FakeClock(), "abc")
    losses.look(set("bc"), set("abc"))
    losses.settle(losses.missing)
    losses.look(set("c"), set("bc"))
    assert losses.too_many


def test_too_many_stays_until_enough_are_back() -> None:
    clock = FakeClock()
    losses = cluster(clock, "abc")
    losses.look(set("c"), set("abc"))
    clock.advance(100 * WINDOW)
    losses.look(set("c"), set("abc"))
    assert losses.too_many
    losses.look(set("bc"), set("abc"))
    assert not losses.too_many and losses.missing == {"a"}


def test_longer_than() -> None:
    clock = FakeClock()
    losses = cluster(clock, "ab")
    losses.look(set("b"), set("ab"))
    clock.advance(5)
    assert losses.longer_than(4) == {"a"} and losses.longer_than(6) == set()
    losses.look(set("ab"), set("ab"))
    assert losses.longer_than(4) == set()
