"""How etcd's members do, asked when somebody wants to know."""

import ssl
from collections.abc import Callable

import pytest

from fleet_cluster.fleet.etcd import health
from fleet_cluster.fleet.etcd.member_probe import LEARNER, MemberProbe
from tests.unit.fleet.fakes.clock import FakeClock

ENDPOINTS = ("10.0.0.1:2379", "10.0.0.2:2379")


def no_certificate() -> ssl.SSLContext | None:
    raise OSError("no such file")


def probe(context: Callable[[], ssl.SSLContext | None] = lambda: None) -> MemberProbe:
    return MemberProbe(ENDPOINTS, context, FakeClock(), lambda: None)


@pytest.fixture(autouse=True)
def _members(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """The first is well, the second a learner."""

    def ask(_member: str, _context: ssl.SSLContext | None) -> str:
        return ""

    def is_learner(member: str, _context: ssl.SSLContext | None) -> bool:
        return member == ENDPOINTS[1]

    monkeypatch.setattr(health, "ask", ask)
    monkeypatch.setattr(health, "is_learner", is_learner)


def test_an_answer_is_never_older_than_the_question() -> None:
    clock = FakeClock()
    one = MemberProbe(ENDPOINTS, lambda: None, clock, lambda: None)
    asked_at = clock()
    assert one.ask(asked_at) is None
    one.look()
    assert one.ask(asked_at) == {ENDPOINTS[0]: "", ENDPOINTS[1]: LEARNER}
    clock.advance(1)
    assert one.ask(clock()) is None


def test_it_looks_only_when_it_is_asked_and_then_wakes_who_asked() -> None:
    woken = list[int]()
    one = MemberProbe(ENDPOINTS, lambda: None, FakeClock(), lambda: woken.append(1))
    one.serve()
    assert not woken
    one.ask(0.0)
    one.wait(3600)
    one.serve()
    one.serve()
    assert one.ask(0.0) and len(woken) == 1


def test_one_that_does_not_answer_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(member: str, _context: ssl.SSLContext | None) -> str:
        if member == ENDPOINTS[0]:
            raise OSError("Connection refused")
        return "ALARM NOSPACE"

    monkeypatch.setattr(health, "ask", ask)
    one = probe()
    one.look()
    assert one.ask(0.0) == {
        ENDPOINTS[0]: "it does not answer (Connection refused)",
        ENDPOINTS[1]: "ALARM NOSPACE",
    }


def test_without_a_certificate_no_member_counts_as_well() -> None:
    one = probe(no_certificate)
    one.look()
    found = one.ask(0.0)
    assert found and all(found.values())
