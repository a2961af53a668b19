"""Machines that are emptied, come back and leave, while 50 requests a second are answered."""

from . import asking
from .capacity import Capacity
from .load import Load
from .stack import Stack, eventually

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
    assert min(capacity.registered) >= INSTANCES
    after = asking.placements(cluster, machines)
    assert {unit for unit in after if after[unit] == victim} == {step["unit"] for step in plan}
    assert "Nothing to move" in cluster.fleetctl("rebalance").text
