"""Names of services as the leader gives and ends them."""

import json

import pytest

from fleet_cluster.fleet.cluster_state.service_names import wanted_names
from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.engine.service_names import SHUTDOWN_DELAY
from fleet_cluster.fleet.model.keys import (
    INTERNAL,
    ROOT,
    eligibility_key,
    file_key,
    name_key,
    schedule_key,
    state_key,
    unit_key,
)
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    Unit,
    UnitState,
)
from fleet_cluster.fleet.service_name import instance_label
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.engine.leading import Cluster
from tests.unit.fleet.fakes.units import SLEEPS

WEB = "web.service"
NAMED = SLEEPS + "[X-Fleet]\nName=web:5000\n"
FIRST = NAMED + "StartFirst=true\n"
OTHERS = SLEEPS + "# newer\n[X-Fleet]\nName=web:5000\n"


def names(cluster: Cluster) -> dict[str, str]:
    """The hosts that the names give, by their key without its beginning."""
    entries = cluster.store.read(INTERNAL).entries
    return {
        key.removeprefix(INTERNAL): json.loads(one.value)["host"] for key, one in entries.items()
    }


def at(machine: str, name: str = "web", unit: str = WEB) -> str:
    return f"fleet/{name}/{instance_label(unit, machine)}"


def up(cluster: Cluster, machine: str, text: str = NAMED, active: str = "active") -> None:
    cluster.report_state(machine, WEB, UnitState("loaded", active, "running", sha_of(text)))


def told(cluster: Cluster, machine: str) -> Assignment:
    return Assignment.from_json(cluster.store.value(schedule_key(machine, WEB)) or "")


def act(cluster: Cluster) -> None:
    for _ in range(3):
        cluster.act()


def running(text: str = NAMED) -> Cluster:
    """A cluster whose unit runs on machine a and is found."""
    cluster = Cluster()
    cluster.want(WEB, text)
    act(cluster)
    up(cluster, "a", text)
    act(cluster)
    assert names(cluster) == {at("a"): "10.0.0.a"}
    return cluster


def test_a_unit_is_found_when_systemd_says_that_it_is_up_and_no_sooner():
    cluster = Cluster()
    cluster.want(WEB, NAMED)
    act(cluster)
    assert names(cluster) == {}
    up(cluster, "a", active="activating")
    act(cluster)
    assert names(cluster) == {}
    up(cluster, "a")
    cluster.act()
    entry = cluster.store.read(INTERNAL).entries[INTERNAL + at("a")]
    assert json.loads(entry.value) == {
        "host": "10.0.0.a",
        "port": 5000,
        "ttl": 1,
        "unit": WEB,
        "machine": "a",
    }
    assert entry.lease == 0


def test_what_says_that_it_is_up_without_being_assigned_is_not_found():
    cluster = running()
    up(cluster, "b")
    act(cluster)
    assert names(cluster) == {at("a"): "10.0.0.a"}


def test_a_machine_with_another_file_than_it_is_to_have_is_not_found():
    cluster = Cluster()
    cluster.want(WEB, NAMED)
    act(cluster)
    up(cluster, "a", OTHERS)
    act(cluster)
    assert names(cluster) == {}


def test_the_name_goes_in_the_transaction_that_has_the_unit_stopped():
    cluster = running()
    cluster.store.put(unit_key(WEB), Unit(sha_of(NAMED), DesiredState.INACTIVE).to_json())
    seen: list[bool] = []
    cluster.store.on_commit = lambda changes: seen.append(
        schedule_key("a", WEB) in changes.puts and INTERNAL + at("a") in changes.deletes
    )
    act(cluster)
    assert any(seen)
    assert told(cluster, "a").desired_state is DesiredState.INACTIVE
    assert told(cluster, "a").shutdown_delay == SHUTDOWN_DELAY


def test_what_a_unit_follows_runs_on_with_it():
    """systemd would stop it with what it requires, while it is still asked for."""
    cluster = Cluster()
    texts = {
        WEB: NAMED + "MachineOf=api.service\n",
        "api.service": SLEEPS + "[X-Fleet]\nMachineOf=db.service\n",
        "db.service": SLEEPS,
        "other.service": SLEEPS + "[X-Fleet]\nMachineOf=db.service\n",
    }
    for unit, text in texts.items():
        cluster.want(unit, text)
    act(cluster)
    on = cluster.homes()[WEB]
    for unit, text in texts.items():
        state = UnitState("loaded", "active", "running", sha_of(text))
        cluster.report_state(on, unit, state)
    act(cluster)
    assert names(cluster) == {at(on): f"10.0.0.{on}"}
    for unit, text in texts.items():
        cluster.store.put(unit_key(unit), Unit(sha_of(text), DesiredState.INACTIVE).to_json())
    act(cluster)
    delays = {
        unit: Assignment.from_json(cluster.store.value(schedule_key(on, unit)) or "").shutdown_delay
        for unit in texts
    }
    assert delays == {**dict.fromkeys(texts, SHUTDOWN_DELAY), "other.service": 0.0}


@pytest.mark.parametrize("then", ["it is to stop", "its file has no name", "it is gone"])
def test_a_name_stays_while_its_machine_is_told_nothing_else(then: str):
    """Its transaction was refused, or waits: ended now, the unit would stop at once afterwards."""
    cluster = running()
    unit = Unit(sha_of(NAMED), DesiredState.INACTIVE).to_json()
    if then == "its file has no name":
        cluster.store.put(file_key(sha_of(SLEEPS)), SLEEPS)
        unit = Unit(sha_of(SLEEPS), DesiredState.LAUNCHED).to_json()
    if then == "it is gone":
        cluster.store.remove(unit_key(WEB))
    else:
        cluster.store.put(unit_key(WEB), unit)
    state = ClusterState.of(cluster.store.read(ROOT))
    assert [one.key for one in wanted_names(state)] == [INTERNAL + at("a")]


def test_a_unit_that_is_found_by_nobody_stops_at_once():
    cluster = Cluster()
    cluster.want(WEB, NAMED)
    act(cluster)
    up(cluster, "a", active="activating")
    act(cluster)
    cluster.store.remove(unit_key(WEB))
    act(cluster)
    assert told(cluster, "a").shutdown_delay == 0


def test_a_changed_file_takes_the_name_until_it_is_up_with_that():
    cluster = running()
    cluster.want(WEB, OTHERS)
    act(cluster)
    assert names(cluster) == {} and told(cluster, "a").shutdown_delay == SHUTDOWN_DELAY
    up(cluster, "a", OTHERS)
    act(cluster)
    assert names(cluster) == {at("a"): "10.0.0.a"}


def test_a_unit_that_starts_first_is_found_there_before_it_is_lost_here():
    cluster = running(FIRST)
    cluster.store.put(eligibility_key("a"), Eligibility(draining=True).to_json())
    act(cluster)
    assert names(cluster) == {at("a"): "10.0.0.a"}, "it is not up elsewhere"
    up(cluster, "b", FIRST)
    seen: list[set[str]] = []
    cluster.store.on_commit = lambda _: seen.append(set(names(cluster)))
    act(cluster)
    assert all(seen), "at no time nobody was found"
    assert names(cluster) == {at("b"): "10.0.0.b"}


def test_the_names_of_a_lost_machine_and_of_what_has_failed_go():
    cluster = running()
    up(cluster, "a", active="failed")
    act(cluster)
    assert names(cluster) == {}
    up(cluster, "a")
    act(cluster)
    cluster.lose("a")
    act(cluster)
    assert at("a") not in names(cluster)


def test_while_most_machines_are_missing_no_name_goes():
    cluster = running()
    for unit in ("x.service", "y.service"):
        cluster.want(unit)
    act(cluster)
    cluster.lose("a", "b")
    act(cluster)
    assert names(cluster) == {at("a"): "10.0.0.a"}


def test_a_record_that_somebody_has_forged_or_bent_is_put_right():
    cluster = running()
    cluster.store.put(name_key("web", "forged"), '{"host":"10.6.6.6"}')
    cluster.store.put(INTERNAL + at("a"), '{"host":"10.6.6.6","port":1}')
    act(cluster)
    assert names(cluster) == {at("a"): "10.0.0.a"}


def test_a_machine_that_changes_its_address_is_found_there():
    cluster = running()
    cluster.announce("a", "10.0.0.99")
    act(cluster)
    assert names(cluster) == {at("a"): "10.0.0.99"}


def test_a_leader_that_has_just_begun_to_see_etcd_ends_no_name():
    cluster = running()
    cluster.store.remove(state_key("a", WEB))
    cluster.lease.identity_changed()
    act(cluster)
    assert names(cluster) == {at("a"): "10.0.0.a"}
    cluster.wait(20)
    cluster.act(full=True)
    act(cluster)
    assert names(cluster) == {}


def test_a_global_unit_is_found_on_all_machines():
    cluster = Cluster()
    text = NAMED + "Global=true\n"
    cluster.want(WEB, text)
    act(cluster)
    for machine in "abc":
        up(cluster, machine, text)
    act(cluster)
    assert set(names(cluster)) == {at(machine) for machine in "abc"}
