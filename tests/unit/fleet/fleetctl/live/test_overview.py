"""The overview, from the records of a cluster."""

import contextlib
import io
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.live.changes import Change, apply, change
from fleet_cluster.fleet.fleetctl.live.overview import Overview, overview_of
from fleet_cluster.fleet.kv import KeyValue
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import Assignment, DesiredState, Eligibility, UnitState
from tests.unit.fleet.any_records import Entry, entries
from tests.unit.fleet.fleetctl.small_cluster import DB, SLEEP, WEB, SmallCluster

RESERVES = SLEEP + "MemoryMax=512M\nCPUQuota=50%\n"


def test_machines_have_units_and_what_these_reserve(cluster: SmallCluster) -> None:
    cluster.add("web.service", RESERVES + "[X-Fleet]\nMachineMetadata=role=web\n")
    cluster.put(keys.eligibility_key(DB.id), Eligibility())
    machines = overview_of(cluster.view()).machines
    web, db = machines[WEB.id], machines[DB.id]
    assert (web.name, web.address, web.state, web.units) == ("machine-1", "10.0.0.11", "", 1)
    assert (web.memory, web.memory_total, web.cpu, web.cpu_total) == (512 << 20, 2 << 30, 500, 2000)
    assert (db.state, db.units, db.memory_total) == ("cordoned", 0, 0)


def test_a_unit_has_what_its_machine_reports_and_what_it_reserves(cluster: SmallCluster) -> None:
    cluster.add("web.service", RESERVES + "[X-Fleet]\nMachineMetadata=role=web\n")
    failed = UnitState("loaded", "failed", "failed", "ab" * 32, 5.0, job="failed", reason="no disk")
    cluster.report("web.service", failed)
    row = overview_of(cluster.view()).units["web.service", WEB.id]
    assert (row.active, row.sub, row.since, row.sha) == ("failed", "failed", 5.0, "ab" * 32)
    assert (row.memory, row.cpu, row.is_home, row.everywhere) == (512 << 20, 500, True, False)
    assert row.problem == "systemd did not start it: failed: no disk"


def test_a_unit_on_no_machine_says_why(cluster: SmallCluster) -> None:
    cluster.add("big.service", SLEEP + "[X-Fleet]\nMachineMetadata=disk=ssd\n")
    cluster.add("web@.service", target=DesiredState.INACTIVE)
    found = overview_of(cluster.view()).units
    assert list(found) == [("big.service", "")], "a template is on no machine"
    row = found["big.service", ""]
    assert row.sub == "unplaced" and "disk=ssd wanted" in row.problem and not row.is_home


def test_a_machine_whose_lease_has_ended_is_there_as_long_as_units_are_on_it(
    cluster: SmallCluster,
) -> None:
    cluster.add("db.service", SLEEP + "[X-Fleet]\nMachineMetadata=role=db\n")
    cluster.leave(DB)
    found = overview_of(cluster.view())
    assert found.machines[DB.id].is_lost and found.machines[DB.id].units == 1
    assert found.units["db.service", DB.id].active == "lost"
    cluster.store.remove(keys.schedule_key(DB.id, "db.service"), keys.unit_key("db.service"))
    assert DB.id not in overview_of(cluster.view()).machines


def test_a_unit_that_moves_is_at_home_where_it_goes_to(cluster: SmallCluster) -> None:
    cluster.add("web.service")
    told = cluster.view().assigned("web.service")[WEB.id]
    cluster.put(keys.eligibility_key(WEB.id), Eligibility(draining=True))
    on_its_way = replace(told, destination=DB.id)
    cluster.put(keys.schedule_key(WEB.id, "web.service"), on_its_way)
    there = Assignment(
        told.sha, DesiredState.LAUNCHED, origin=WEB.id, decided_at=9.0, destination=DB.id
    )
    cluster.put(keys.schedule_key(DB.id, "web.service"), there)
    found = overview_of(cluster.view()).units
    homes = {machine: row.is_home for (_, machine), row in found.items()}
    assert homes == {WEB.id: False, DB.id: True}
    assert (found["web.service", DB.id].origin, found["web.service", DB.id].moved_at) == (WEB.id, 9)


@given(st.lists(entries(), min_size=1, max_size=4))
@settings(deadline=None)
def test_odd_records_are_left_out_and_the_rest_is_shown(written: list[Entry]) -> None:
    cluster = SmallCluster()
    cluster.add("hello.service")
    for entry in written:
        cluster.store.entries[entry.key] = KeyValue(entry.key, entry.value, 1, 1)
    with contextlib.redirect_stderr(io.StringIO()):
        now = overview_of(cluster.view())
    assert apply(Overview(), Change.from_json(change(None, now, 1.0).to_json())) == Overview(
        dict(sorted(now.machines.items())), dict(sorted(now.units.items()))
    )
