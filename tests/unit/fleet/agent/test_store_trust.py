"""What is followed when the store was emptied or restored, or lost assignments."""

import pytest

from fleet_cluster.fleet.model.keys import CLUSTER, schedule_key
from fleet_cluster.fleet.model.records import Cluster, DesiredState
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.agents import MACHINE, PATIENCE, Bench
from tests.unit.fleet.fakes.units import SLEEPS

A = "a.service"
CHANGED = SLEEPS + "# changed\n"


def test_silence_is_no_instruction(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.remove(schedule_key(MACHINE, A))
    bench.settle()
    state = bench.state(A)
    assert bench.systemd.running() == {A: sha_of(SLEEPS)}
    assert state and state.orphan and bench.identity_changes == 1


@pytest.mark.parametrize("cluster", ["", "two"])
def test_another_store_stops_nothing(bench: Bench, cluster: str) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    if cluster:
        bench.store.put(CLUSTER, Cluster(cluster).to_json())
    bench.settle()
    state = bench.state(A)
    assert A in bench.systemd.running() and bench.identity_changes == 1
    assert state and state.orphan


def test_orphan_is_adopted_as_it_runs(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    bench.act()
    bench.calls()
    bench.run(A, SLEEPS)
    state = bench.state(A)
    assert bench.calls() == []
    assert state and not state.orphan


def test_orphan_obeys_only_after_a_while(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    bench.act()
    bench.assign(A, SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    assert A in bench.systemd.running()
    bench.clock.advance(PATIENCE)
    bench.settle()
    assert bench.systemd.running() == {}


def test_nothing_new_starts_until_the_leader_has_seen_what_runs(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    bench.act()
    bench.assign("new.service", SLEEPS)
    assert 0 < bench.act() <= PATIENCE
    assert bench.state("new.service") is None
    bench.clock.advance(PATIENCE)
    bench.settle()
    assert "new.service" in bench.systemd.running()


def test_time_without_the_store_does_not_count_as_a_while(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    bench.act()
    bench.assign(A, SLEEPS, DesiredState.INACTIVE)
    bench.clock.advance(PATIENCE)
    bench.connected_since = bench.clock() - 1
    assert bench.act() == PATIENCE - 1
    assert A in bench.systemd.running()


def test_wariness_outlives_a_restart(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.wipe()
    bench.lease = bench.store.grant(3600)
    bench.act()
    bench.restart()
    bench.assign(A, SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    assert A in bench.systemd.running()


def test_restored_store_is_noticed_by_its_revision(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    old = bench.store.read("")
    bench.run(A, CHANGED)
    bench.store.restore(old)
    bench.lease = bench.store.grant(3600)
    bench.act()
    assert bench.identity_changes == 1
    assert bench.systemd.running() == {A: sha_of(CHANGED)}


def test_restored_store_is_noticed_by_an_older_assignment(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    old = bench.store.read("")
    bench.run(A, CHANGED)
    bench.store.restore(old)
    bench.lease = bench.store.grant(3600)
    for number in range(100):  # Others have written meanwhile: the revision is no help.
        bench.store.put(f"/fleet/machines/other{number}", "{}")
    bench.settle()
    assert bench.identity_changes == 1
    assert bench.systemd.running() == {A: sha_of(CHANGED)}
