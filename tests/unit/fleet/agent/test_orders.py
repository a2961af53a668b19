"""What operators ask of a machine's systemd: done once, answered, and never remembered."""

import pytest

from fleet_cluster.fleet.kv import KVUnavailableError, Put
from fleet_cluster.fleet.model.keys import CLUSTER, order_key
from fleet_cluster.fleet.model.records import Cluster, DesiredState, Order, Verb
from tests.unit.fleet.agents import MACHINE, PATIENCE, Bench
from tests.unit.fleet.fakes.units import FAILS, SLEEPS

A = "a.service"
KEY = order_key(MACHINE, A)
RELOADS = SLEEPS + "ExecReload=/bin/kill -HUP $MAINPID\n"


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.run(A, SLEEPS)
    bench.calls()
    return bench


def give(bench: Bench, verb: str, unit: str = A) -> int:
    """What fleetctl does; the lease."""
    lease = bench.store.grant(60)
    key = order_key(MACHINE, unit)
    bench.store.commit([Put(key, Order(verb).to_json(), lease)])
    return lease


def answer(bench: Bench, unit: str = A) -> str:
    """What the machine says to it."""
    return Order.from_json(bench.store.value(order_key(MACHINE, unit)) or "").answer


def test_a_restart_is_one_job_with_a_clean_slate(bench: Bench) -> None:
    give(bench, Verb.RESTART)
    bench.clock.advance(1)
    bench.settle()
    assert bench.calls() == [f"reset-failed {A}", f"restart {A}"]
    assert answer(bench) == Order.DONE
    state = bench.state(A)
    assert (
        state
        and state.active == "active"
        and state.start_requested_at == state.since == bench.clock()
    )


def test_what_restarts_along_begins_with_a_clean_slate_too(bench: Bench) -> None:
    """Or a restart that is asked for often puts it at its start limit."""
    bench.run("b.service", f"[Unit]\nBindsTo={A}\n{SLEEPS}")
    bench.run("failed.service", f"[Unit]\nBindsTo={A}\n{SLEEPS}")
    bench.systemd.fail("failed.service")
    bench.settle()
    bench.calls()
    give(bench, Verb.RESTART)
    bench.settle()
    done = bench.calls()
    assert done.index("reset-failed b.service") < done.index(f"restart {A}")
    assert "reset-failed failed.service" not in done, "it does not restart, and stays failed"


def test_what_has_failed_is_restarted_too(bench: Bench) -> None:
    bench.systemd.fail(A)
    bench.settle()
    give(bench, Verb.RESTART)
    bench.settle()
    assert A in bench.systemd.running()


def test_a_failure_is_forgotten(bench: Bench) -> None:
    bench.run("bad.service", FAILS)
    bench.calls()
    give(bench, Verb.RESET_FAILED, "bad.service")
    bench.settle()
    state = bench.state("bad.service")
    assert state and state.active == "inactive"
    assert bench.calls() == ["reset-failed bad.service"]
    assert answer(bench, "bad.service") == Order.DONE


def test_a_reload_is_answered_when_it_has_ended(bench: Bench) -> None:
    bench.run("web.service", RELOADS)
    bench.calls()
    give(bench, Verb.RELOAD, "web.service")
    bench.settle()
    assert bench.calls() == ["reload web.service"]
    assert answer(bench, "web.service") == ""
    bench.systemd.reloads["web.service"] = "done"
    bench.settle()
    assert answer(bench, "web.service") == Order.DONE
    assert bench.calls() == []


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("failed", "its ExecReload= failed, and it runs on as before"),
        ("unknown", "how its reload has ended is not known (unknown)"),
    ],
)
def test_a_reload_that_fails_is_answered(bench: Bench, result: str, told: str) -> None:
    bench.run("web.service", RELOADS)
    give(bench, Verb.RELOAD, "web.service")
    bench.settle()
    bench.systemd.reloads["web.service"] = result
    bench.settle()
    assert answer(bench, "web.service") == told


def test_one_that_still_starts_is_not_told_of_as_reloaded(bench: Bench) -> None:
    """systemd calls such a reload done, and does nothing."""
    bench.run("web.service", RELOADS)
    bench.systemd.crash("web.service")
    bench.calls()
    give(bench, Verb.RELOAD, "web.service")
    bench.settle()
    assert bench.calls() == []
    told = "it is still starting, and cannot be reloaded before it is active"
    assert answer(bench, "web.service") == told


def test_what_cannot_be_reloaded_is_answered(bench: Bench) -> None:
    give(bench, Verb.RELOAD)
    bench.settle()
    assert answer(bench) == (
        f"Job type reload is not applicable for unit {A}. To restart it: fleetctl restart {A}"
    )
    bench.assign(A, SLEEPS, DesiredState.LOADED)
    bench.settle()
    give(bench, Verb.RELOAD)
    bench.settle()
    assert "not started on this machine" in answer(bench)


def test_what_cannot_be_done_is_answered(bench: Bench) -> None:
    bench.systemd.refuse[A] = "Unit b.service not found."
    give(bench, Verb.RESTART)
    give(bench, "polish", "b.service")
    bench.settle()
    assert answer(bench) == "Unit b.service not found."
    assert answer(bench, "b.service") == "the unit is not on this machine"
    bench.assign(A, SLEEPS, DesiredState.LOADED)
    bench.settle()
    give(bench, Verb.RESTART)
    bench.settle()
    assert "not started on this machine" in answer(bench)
    give(bench, "polish")
    bench.settle()
    assert answer(bench) == "this version of fleet does not know how to polish"


def test_an_order_that_nobody_waits_for_any_more_hurts_nothing(bench: Bench) -> None:
    lease = give(bench, Verb.RESTART)

    def leave(point: str) -> None:
        if point.startswith("before commit /fleet/orders/"):
            bench.store.revoke(lease)

    bench.line.gate = leave
    bench.settle()
    assert bench.calls().count(f"restart {A}") == 1
    assert bench.store.value(KEY) is None


def test_an_answer_that_was_lost_is_given_again_and_the_work_is_not_done_again(
    bench: Bench,
) -> None:
    give(bench, Verb.RESTART)
    bench.line.mute = True
    with pytest.raises(KVUnavailableError):
        bench.act()
    bench.line.mute = False
    bench.settle()
    assert bench.calls().count(f"restart {A}") == 1
    assert answer(bench) == Order.DONE


def test_a_store_that_was_restored_orders_nothing(bench: Bench) -> None:
    bench.store.put(CLUSTER, Cluster("another").to_json())
    bench.act()
    give(bench, Verb.RESTART)
    bench.settle()
    assert f"restart {A}" not in bench.calls() and not answer(bench)
    bench.clock.advance(PATIENCE)
    bench.settle()
    assert f"restart {A}" in bench.calls()
