"""Machines that are emptied, come back and leave, while 50 requests a second are answered."""

import json

import pytest

from tests.cluster import asking
from tests.cluster.capacity import Capacity
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually

INSTANCES = 2


def test_a_machine_is_drained_and_filled_again_without_a_failed_request(cluster: Stack):
    machines, url = cluster.outputs()["machines"], cluster.outputs()["url"]
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    before = asking.placements(cluster, machines)
    victim = before["sinatra@5000.service"]
    with Load(url) as load, Capacity(cluster) as capacity:
        drained = cluster.fleetctl("drain", victim)
        assert "is drained" in drained.out
        assert asking.runs(cluster, [victim]) == {}
        assert asking.placements(cluster, machines).keys() == before.keys()

        cluster.fleetctl("uncordon", victim)
        plan = cluster.fleetctl_json("rebalance", "--dry-run")
        assert {step["to"] for step in plan} == {asking.machine_ids(cluster, machines)[victim]}
        said = cluster.fleetctl("rebalance")
        assert all(f"{step['unit']} moved from" in said.out for step in plan)
        eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 60)
    print(f"\n{victim} drained and filled again\n  {load}\n  {capacity}")
    assert not load.failed, load.failed
    assert min(capacity.active) >= INSTANCES
    assert min(capacity.found) >= INSTANCES
    after = asking.placements(cluster, machines)
    assert {unit for unit in after if after[unit] == victim} == {step["unit"] for step in plan}
    assert "Nothing to move" in cluster.fleetctl("rebalance").text


def test_machines_come_and_go_without_a_failed_request(cluster: Stack):
    machines, url = cluster.outputs()["machines"], cluster.outputs()["url"]
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    before = asking.placements(cluster, machines)
    home = before["sinatra@5000.service"]
    with Load(url) as load, Capacity(cluster) as capacity:
        try:
            cluster.configure({"cluster-size": "5", "etcd-size": "5"})
            cluster.up()
            grown = cluster.outputs()["machines"]
            eventually("all five are in it", lambda: asking.is_whole(cluster, grown, core=5), 120)
            assert asking.placements(cluster, grown) == before, "healthy units never move"
            cluster.fleetctl("drain", home)
            cluster.fleetctl("uncordon", home)
            spread = asking.placements(cluster, grown)
            assert spread["sinatra@5000.service"] not in machines, "the new ones are the emptiest"
        finally:
            cluster.configure({"cluster-size": "3", "etcd-size": "3"})
            shrunk = cluster.up()
        eventually("three are left", lambda: asking.is_whole(cluster, machines), 120)
    print(f"\n3 machines, 5, and 3 again\n  {load}\n  {capacity}")
    assert "is drained" in shrunk.text
    assert not load.failed, load.failed
    assert min(capacity.active) >= INSTANCES
    lost = [row for rows in cluster.units().values() for row in rows if row["lost"]]
    assert not lost, "nothing is kept for machines that were removed"
    assert cluster.changes() == {}


@pytest.mark.faults
def test_a_machine_that_is_made_anew_is_drained_first(cluster: Stack):
    machines, url = cluster.outputs()["machines"], cluster.outputs()["url"]
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    ids = asking.machine_ids(cluster, machines)
    victim = asking.placements(cluster, machines)["sinatra@5000.service"]
    with Load(url) as load, Capacity(cluster, next(m for m in machines if m != victim)) as capacity:
        anew = cluster.up("--replace", urn_of(cluster, "docker:index/container:Container", victim))
        eventually("it is back", lambda: asking.is_whole(cluster, machines), 120)
    print(f"\n{victim} made anew\n  {load}\n  {capacity}")
    assert "is drained" in anew.text
    assert asking.machine_ids(cluster, machines)[victim] != ids[victim]
    assert not load.failed, load.failed
    assert min(capacity.active) >= INSTANCES


def urn_of(cluster: Stack, kind: str, name: str) -> str:
    """Pulumi's name for a resource of the stack."""
    state = json.loads(cluster.run("pulumi", "stack", "export").out)
    urns = [one["urn"] for one in state["deployment"]["resources"] if one["type"] == kind]
    [urn] = [urn for urn in urns if urn.rpartition("::")[2] == name]
    return urn
