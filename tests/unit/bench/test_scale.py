"""The bench of hundreds of machines: who is where, what was used, and its table."""

from dataclasses import asdict

import pytest

from bench.scale.machines import FOLLOWER, LEADER, LOST, Share, shares
from bench.scale.table import text
from bench.scale.usage import ETCD, FLEETD, Reading, Usage, between
from tests.unit.bench.test_tables import cells

SMALL = Usage(
    seconds=2.0,
    cpu={LEADER: 0.5, FOLLOWER: 0.1, f"{ETCD} machine-1": 0.5, f"{ETCD} machine-2": 0.5},
    counted={"requests": 100.0, "bytes": 4096.0, "events": 20.0},
    peak={LEADER: 60.0, FOLLOWER: 50.0, f"{ETCD} machine-1": 70.0, f"{ETCD} machine-2": 80.0},
)


def larger(times: float) -> Usage:
    """What costs so many times as much, and takes as much longer."""
    cpu = {name: used * times for name, used in SMALL.cpu.items()}
    return Usage(SMALL.seconds * times, cpu, SMALL.counted, SMALL.peak)


@pytest.mark.parametrize("count", [10, 50, 400])
def test_every_machine_is_in_one_process(count: int) -> None:
    all_of_them = shares(count)
    numbers = [n for one in all_of_them.values() for n in range(one.first, one.first + one.count)]
    assert sorted(numbers) == list(range(1, count + 1))
    assert (all_of_them[LEADER], all_of_them[FOLLOWER]) == (Share(1, 1), Share(2, 1))
    assert all_of_them[LOST].count == count // 10


def test_ratios_are_of_each_machine_but_for_what_is_of_one_size() -> None:
    figures = {
        str(count): {"start all": asdict(used), "roll a template": asdict(used)}
        for count, used in ((50, SMALL), (100, larger(3)))
    }
    _, _, started, _, rolled = cells(text(figures, 2))
    assert started[:8] == ["start all", "100", "6.00", "1.50", "3.00", "1.50", "1.50", "1.50"]
    assert rolled[5:8] == ["3.00", "3.00", "3.00"]
    assert started[8:] == ["60", "50", "80", "1", "3", "17", "40%"]


@pytest.mark.parametrize(
    ("anew", "fleetd", "etcd", "events"), [("", 1, 2, 5), (FLEETD, 3, 2, 5), (ETCD, 1, 6, 15)]
)
def test_what_was_restarted_counts_from_its_restart(
    anew: str, fleetd: int, etcd: int, events: int
) -> None:
    before = Reading(10.0, {LEADER: 2.0, ETCD: 4.0}, {"events": 10.0})
    after = Reading(12.0, {LEADER: 3.0, ETCD: 6.0}, {"events": 15.0})
    used = between(before, after, {}, anew)
    assert (used.seconds, used.cpu, used.rate("events")) == (
        2.0,
        {LEADER: fleetd, ETCD: etcd},
        events / 2,
    )
