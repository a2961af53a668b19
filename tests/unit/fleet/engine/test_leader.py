"""The leader over a store: elections, conditions, limits of a transaction, faults."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from fleet_cluster.fleet.coordination import debounce
from fleet_cluster.fleet.coordination.election import SPREAD_SECONDS, YIELD_SECONDS, Election
from fleet_cluster.fleet.engine.leader import FORGET_SECONDS
from fleet_cluster.fleet.kv import Condition, CreatedAt, KVRefusedError, Operation, Put, Unchanged
from fleet_cluster.fleet.model.keys import (
    LEADER,
    SCHEDULE,
    eligibility_key,
    machine_key,
    metadata_key,
    schedule_key,
    split_key,
    state_key,
    unit_key,
)
from fleet_cluster.fleet.model.records import (
    DesiredState,
    Eligibility,
    Metadata,
    Unit,
)
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.engine.leading import TTL, Cluster
from tests.unit.fleet.fakes.clock import FakeClock, no_chance, open_gate
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.kv import MemoryKV
from tests.unit.fleet.fakes.units import SLEEPS

PINNED = SLEEPS + "[X-Fleet]\nMachineMetadata=name={}\n"


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_election_is_won_once() -> None:
    clock = FakeClock()
    store = MemoryKV(clock)
    leases = [store.grant(10), store.grant(10)]
    one, two = (Election(machine, store, clock, lambda: None, no_chance) for machine in "ab")
    assert one.term(leases[0]) == 0 and two.term(leases[1]) == 0
    assert one.term(leases[0]) > 0 and two.term(leases[1]) == 0
    store.revoke(leases[0])
    assert one.term(0) == 0
    two.term(leases[1])
    assert two.term(leases[1]) > 0


def test_two_candidates_at_the_same_moment() -> None:
    clock = FakeClock()
    store = MemoryKV(clock)
    lines = [Connection(store), Connection(store)]
    leases = [store.grant(10), store.grant(10)]
    one, two = (
        Election(*one, clock, lambda: None, no_chance) for one in zip("ab", lines, strict=True)
    )

    def meanwhile(point: str) -> None:
        if point.startswith("before commit"):
            two.term(leases[1])

    lines[0].gate = meanwhile
    one.term(leases[0])
    assert (one.term(leases[0]) > 0, two.term(leases[1]) > 0) == (False, True)


def test_of_many_candidates_for_a_vacancy_few_write() -> None:
    """Each hears of the others a little later, as over a network."""
    clock = FakeClock()
    store = MemoryKV(clock)
    written: list[str] = []
    lines = [Connection(store, _noting_commits(written)) for _ in range(20)]
    candidates = [
        Election(str(n), line, clock, lambda: None, partial(float, n / 20))
        for n, line in enumerate(lines)
    ]
    leases = [store.grant(10) for _ in lines]
    lost = store.grant(10)
    store.commit([Put(LEADER, "lost", lost)])
    for candidate, lease in zip(candidates, leases, strict=True):
        candidate.term(lease)
    store.revoke(lost)
    for _ in range(int(SPREAD_SECONDS / 0.05) + 1):
        for line in lines:
            line.lag()
        for candidate, lease in zip(candidates, leases, strict=True):
            candidate.term(lease)
        for line in lines:
            line.catch_up()
        clock.advance(0.05)
    assert len(written) <= 3 and store.value(LEADER) == "0"


def _noting_commits(written: list[str]) -> Callable[[str], None]:
    return lambda point: written.append(point) if point.startswith("before commit") else None


def test_who_was_too_late_does_not_write_again_at_once() -> None:
    clock = FakeClock()
    store = MemoryKV(clock)
    line = Connection(store)
    late = Election("a", line, clock, lambda: None, lambda: 0.5)
    late.term(store.grant(10))
    line.lag()
    store.commit([Put(LEADER, "b", store.grant(10))])
    clock.advance(late.pause)
    assert late.term(store.grant(10)) == 0 and late.pause == 0
    assert late.term(store.grant(10)) == 0
    assert late.pause == pytest.approx(SPREAD_SECONDS / 2)


def test_resumed_lease_resumes_leadership() -> None:
    clock = FakeClock()
    store = MemoryKV(clock)
    lease = store.grant(10)
    before = Election("a", store, clock, lambda: None, no_chance)
    before.term(lease)
    term = before.term(lease)
    again = Election("a", store, clock, lambda: None, no_chance)
    assert term and again.term(lease, idle=TTL) == term


def test_rebooted_machine_takes_over_from_itself() -> None:
    clock = FakeClock()
    store = MemoryKV(clock)
    old, new = store.grant(10), store.grant(10)
    Election("a", store, clock, lambda: None, no_chance).term(old)
    again = Election("a", store, clock, lambda: None, no_chance)
    again.term(new, idle=TTL)
    assert again.term(new) > 0 and store.entries[LEADER].lease == new


def test_who_would_have_to_wait_leaves_a_vacancy_to_others_for_a_moment() -> None:
    clock = FakeClock()
    store = MemoryKV(clock)
    lease, other = store.grant(10), store.grant(10)
    new, steady = (Election(machine, store, clock, lambda: None, no_chance) for machine in "ab")
    assert new.term(lease, idle=TTL) == 0 and new.pause == YIELD_SECONDS
    steady.term(other)
    clock.advance(YIELD_SECONDS)
    assert new.term(lease, idle=TTL) == 0 and new.pause == 0
    assert steady.term(other) > 0


def test_it_leads_all_the_same_when_there_is_nobody_else() -> None:
    clock = FakeClock()
    store = MemoryKV(clock)
    lease = store.grant(10)
    new = Election("a", store, clock, lambda: None, no_chance)
    new.term(lease, idle=TTL)
    clock.advance(YIELD_SECONDS)
    new.term(lease, idle=TTL)
    assert new.term(lease, idle=TTL) > 0


def test_who_would_have_to_wait_for_less_than_that_moment_does_not_wait_longer() -> None:
    clock = FakeClock()
    store = MemoryKV(clock)
    lease = store.grant(10)
    new = Election("a", store, clock, lambda: None, no_chance)
    assert new.term(lease, idle=0.25) == 0 and new.pause == 0.25
    clock.advance(0.25)
    assert new.term(lease) == 0 and new.pause == 0
    assert new.term(lease) > 0


def test_units_are_spread(cluster: Cluster) -> None:
    for number in range(6):
        cluster.want(f"u{number}.service")
    cluster.act()
    homes = list(cluster.homes().values())
    assert sorted(homes) == ["a", "a", "b", "b", "c", "c"]


def test_units_that_come_in_several_transactions_are_decided_on_together(cluster: Cluster) -> None:
    cluster.act()
    cluster.want_many(0, debounce.LARGE)
    assert cluster.act() == debounce.SECONDS and cluster.homes() == {}
    cluster.want_many(debounce.LARGE, debounce.LARGE + 5)
    cluster.act()
    assert len(cluster.homes()) == debounce.LARGE + 5


def test_who_never_stops_writing_does_not_stop_the_leader(cluster: Cluster) -> None:
    cluster.act()
    for round in range(debounce.MOST_WAITS + 1):
        assert cluster.homes() == {}
        cluster.want_many(round * debounce.LARGE, (round + 1) * debounce.LARGE)
        cluster.act()
    assert len(cluster.homes()) == (debounce.MOST_WAITS + 1) * debounce.LARGE


def test_each_transaction_is_within_limits_and_conditional(cluster: Cluster) -> None:
    seen: list[tuple[Sequence[Operation], Sequence[Condition]]] = []
    commit = cluster.line.commit

    def spy(operations: Sequence[Operation], *conditions: Condition) -> int:
        seen.append((operations, conditions))
        return commit(operations, *conditions)

    cluster.line.commit = spy
    for number in range(400):
        cluster.want(f"u{number}.service")
    cluster.act()  # Sees that there may be more.
    cluster.act()
    assert len(cluster.homes()) == 400 and len(seen) < 8
    for operations, conditions in seen:
        assert CreatedAt(LEADER, cluster.leader.term) in conditions
        for operation in operations:
            machine, unit = split_key(operation.key, SCHEDULE)
            for key in (unit_key(unit), machine_key(machine)):
                assert Unchanged(key, cluster.store.entries[key].mod_revision) in conditions


@pytest.mark.parametrize("change", ["leader", "unit", "machine"])
def test_what_changes_meanwhile_is_decided_again(cluster: Cluster, change: str) -> None:
    cluster.want("u.service")

    def meanwhile(point: str) -> None:
        if point.startswith("before commit"):
            cluster.line.gate = open_gate
            if change == "leader":
                cluster.store.remove(LEADER)
            elif change == "unit":
                cluster.want("u.service", target=DesiredState.INACTIVE)
            else:
                cluster.lose("a")

    cluster.line.gate = meanwhile
    cluster.act()
    assert cluster.homes() == {}
    if change == "machine":
        cluster.act()
        assert cluster.homes() == {"u.service": "b"}


def test_move_waits_until_the_old_machine_is_done(cluster: Cluster) -> None:
    cluster.want("u.service", PINNED.format("a"))
    cluster.act()
    cluster.report("a", "u.service")
    cluster.act()
    cluster.want("u.service", PINNED.format("b"))
    cluster.act()
    assert cluster.homes() == {}
    cluster.act()
    assert cluster.homes() == {}
    cluster.store.remove(state_key("a", "u.service"))
    cluster.act()
    assert cluster.homes() == {"u.service": "b"}


def test_does_nothing_until_it_sees_its_own_writes(cluster: Cluster) -> None:
    cluster.act()
    cluster.want("u.service")
    cluster.line.lag()
    cluster.store.put(unit_key("v.service"), Unit(sha_of(SLEEPS), DesiredState.LAUNCHED).to_json())
    cluster.line.catch_up()
    cluster.line.lag()
    cluster.act()
    revision = cluster.store.revision
    cluster.act(full=True)
    assert cluster.store.revision == revision
    cluster.line.catch_up()
    cluster.want("w.service")
    cluster.act()
    assert sorted(cluster.homes()) == ["u.service", "v.service", "w.service"]


def test_what_was_done_and_refused_is_not_done_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """etcd does that with what its last room is used up by."""
    commit = cluster.store.commit

    def refuse(operations: Sequence[Operation], *conditions: Condition) -> int:
        commit(operations, *conditions)
        raise KVRefusedError("mvcc: database space exceeded")

    cluster.act()
    cluster.want("u.service")
    cluster.line.lag()
    cluster.line.catch_up()
    cluster.line.lag()
    with monkeypatch.context() as patch, pytest.raises(KVRefusedError):
        patch.setattr(cluster.store, "commit", refuse)
        cluster.act()
    assert not cluster.leader.uncertain
    revision = cluster.store.revision
    cluster.act()
    assert cluster.store.revision == revision and list(cluster.homes()) == ["u.service"]


def test_machines_lost_one_after_another_do_not_count_as_at_once(cluster: Cluster) -> None:
    cluster.want("u.service", SLEEPS)
    cluster.act()
    for lost, home in (("a", "b"), ("b", "c")):
        cluster.lose(lost)
        cluster.act()
        assert cluster.homes() == {"u.service": home}
        cluster.wait(2 * TTL)
        cluster.act(full=True)


def test_lost_machines_units_move_at_once(cluster: Cluster) -> None:
    cluster.want("u.service")
    cluster.act()
    cluster.lose("a")
    cluster.act()
    assert cluster.homes() == {"u.service": "b"}


def test_states_alone_cause_no_writes(cluster: Cluster) -> None:
    cluster.want("u.service")
    cluster.act()
    cluster.act()
    revision = cluster.store.revision
    cluster.report("a", "u.service")
    cluster.act()
    assert cluster.store.revision == revision + 1


def test_disconnected_leader_waits_one_lease(cluster: Cluster) -> None:
    cluster.want("u.service")
    cluster.act()
    cluster.clock.advance(TTL * 0.8)
    cluster.lease.renew()
    cluster.lose("a")
    assert 0 < cluster.act() <= TTL
    assert cluster.homes() == {"u.service": "a"}
    cluster.want("new.service")
    cluster.act()
    assert cluster.homes()["new.service"] == "b"
    cluster.wait(TTL)
    assert cluster.act() == 0
    assert cluster.homes()["u.service"] in "bc"


def test_when_most_machines_vanish_nothing_moves(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        cluster.want(f"u{number}.service")
    cluster.act()
    homes = cluster.homes()
    cluster.lose("b", "c")
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            cluster.wait(5)
            cluster.act(full=True)
    assert cluster.homes() == homes
    assert len([r for r in caplog.records if "2 of 3 machines are missing" in r.message]) == 1
    cluster.announce("b")
    cluster.act()
    assert sorted(cluster.homes().values()) == ["a", "a", "b"]


def test_after_trouble_homeless_units_wait_for_every_machine_to_report(cluster: Cluster) -> None:
    cluster.lease.identity_changed()
    cluster.want("u.service")
    cluster.act(shaken=True)
    assert cluster.homes() == {}
    cluster.report("c", "u.service", held=True)
    cluster.act(shaken=True)
    assert cluster.homes() == {"u.service": "c"}


def test_one_bad_file_does_not_stop_the_others(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.want("bad.service", "[Service\n")
    cluster.store.put(unit_key("lost.service"), Unit("nothing", DesiredState.LAUNCHED).to_json())
    cluster.store.put(unit_key("broken.service"), "{")
    cluster.want("good.service")
    for _ in range(3):
        cluster.act(full=True)
    assert cluster.homes() == {"good.service": "a"}
    assert len([r for r in caplog.records if "bad.service is not scheduled" in r.message]) == 1


def test_global_units_of_lost_machines_are_forgotten_after_long(cluster: Cluster) -> None:
    cluster.want("g.service", SLEEPS + "[X-Fleet]\nGlobal=true\n")
    cluster.act()
    cluster.lose("c")
    cluster.act()
    assert cluster.homes() == {"g.service": "abc"}
    cluster.clock.advance(FORGET_SECONDS + 1)
    cluster.lease.renew()
    cluster.act(full=True)
    assert cluster.homes() == {"g.service": "ab"}


def test_nothing_is_kept_of_a_machine_that_was_removed(cluster: Cluster) -> None:
    given = Metadata({"disk": "ssd"}).to_json()
    for machine in "bc":
        cluster.store.put(metadata_key(machine), given)
    cluster.store.put(eligibility_key("c"), Eligibility(removed=True).to_json())
    cluster.act()
    assert cluster.store.value(metadata_key("c")), "it is still there"
    cluster.lose("b", "c")
    for _ in range(3):
        cluster.act()
    kept = [cluster.store.value(key("c")) for key in (metadata_key, eligibility_key)]
    assert kept == [None, None]
    assert cluster.store.value(metadata_key("b")), "it may come back"


def test_new_term_reads_everything_anew(cluster: Cluster) -> None:
    cluster.want("u.service")
    cluster.act()
    cluster.leader.close()
    cluster.store.remove(schedule_key("a", "u.service"))
    cluster.leader = cluster.elected()
    cluster.act()
    assert cluster.homes() == {"u.service": "a"}


def test_a_decision_names_unit_and_machine_for_the_journal(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.want("u.service")
    with caplog.at_level(logging.INFO):
        cluster.act()
    [about] = [vars(r)["fleet"] for r in caplog.records if "fleet" in vars(r)]
    assert about["FLEET_EVENT"] == "assigned"
    assert about["FLEET_UNIT"] == "u.service"
    assert {about["FLEET_MACHINE"]} == set(cluster.homes().values())
