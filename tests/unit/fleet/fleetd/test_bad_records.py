"""Whatever is written into etcd stops nothing: fleetd leaves it out, tells it once, and goes on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_cluster.fleet.model.keys import (
    ADDRESSES,
    LEADER,
    ORDERS,
    machine_key,
    metadata_key,
    move_key,
    order_key,
    schedule_key,
    unit_key,
)
from tests.unit.fleet.any_records import SHA, Entry, entries
from tests.unit.fleet.fleetd.test_loop import Rig

RUNS, LATER = "runs.service", "later.service"


def leading_rig() -> Rig:
    rig = Rig()
    settle(rig)
    rig.want(RUNS)
    settle(rig)
    return rig


def settle(rig: Rig) -> None:
    for _ in range(5):
        rig.live(5)
        rig.clock.advance(3)


def write(rig: Rig, written: list[Entry], is_restarted: bool) -> None:
    """Somebody writes that while fleetd runs, or before it is started again."""
    for entry in written:
        rig.store.put(entry.key, entry.value)
    if is_restarted:
        rig.line.hang_up()
        rig.start()
    settle(rig)


def is_no_drain(entry: Entry) -> bool:
    """A drain is an instruction: with another machine's record, what runs here leaves."""
    return '"draining": true' not in entry.value


@given(st.lists(entries().filter(is_no_drain), min_size=1, max_size=4), st.booleans())
@settings(deadline=None)
def test_odd_records_stop_nothing_and_when_they_are_gone_all_is_well(
    written: list[Entry], is_restarted: bool
) -> None:
    rig = leading_rig()
    write(rig, written, is_restarted)
    assert RUNS in rig.systemd.running()
    assert [one.name for one in rig.systemd.starts].count(RUNS) == 1
    rig.store.remove(*(entry.key for entry in written))
    rig.want(LATER)
    settle(rig)
    assert {RUNS, LATER} <= rig.systemd.running().keys()


@given(st.lists(entries().filter(lambda one: one.is_malformed), min_size=1), st.booleans())
@settings(deadline=None)
def test_malformed_records_stop_nobody_else(written: list[Entry], is_restarted: bool) -> None:
    rig = leading_rig()
    write(rig, written, is_restarted)
    rig.want(LATER)
    settle(rig)
    assert rig.systemd.running() == {RUNS: SHA, LATER: SHA}
    assert not rig.fleetd.metrics.faults() or "metadata" in str(rig.fleetd.metrics.faults())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (machine_key("m2"), '{"id":"m2","address":"a","hostname":"h","metadata":null}'),
        (machine_key("m2"), '{"id":"m3","address":"a","hostname":"h"}'),
        (move_key(RUNS), '{"source":[],"target":"m2"}'),
        (schedule_key("m1", "x.service"), '{"sha":1,"target":"launched"}'),
        (metadata_key("m1"), '{"pairs":null}'),
        (unit_key("x.service"), "[" * 10_000),
        (unit_key("x.service"), '{"sha":"\\udc00","target":"launched"}'),
        (unit_key("\udcff.service"), f'{{"sha":"{SHA}","target":"launched"}}'),
        (schedule_key("m1", "a\nb\udcff.service"), f'{{"sha":"{SHA}","target":"launched"}}'),
        (order_key("m1", RUNS), "{"),
        (LEADER, "nobody, and on no lease"),
        (ADDRESSES + "10.0.0.1", "no machine's id"),
    ],
)
def test_malformed_record_is_told_once_and_the_cluster_goes_on(
    key: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    rig = leading_rig()
    caplog.clear()
    write(rig, [Entry(key, value)], is_restarted=False)
    told = [line for line in caplog.messages if "cannot be used" in line or "no use" in line]
    assert all(line.isprintable() for line in caplog.messages)
    # The leader and whom it is for; the key, and that of the state which is reported of it.
    assert len(told) <= (2 if key.startswith(ORDERS) or "\n" in key else 1)
    write(rig, [], is_restarted=True)
    rig.want(LATER)
    settle(rig)
    assert rig.systemd.running() == {RUNS: SHA, LATER: SHA}
