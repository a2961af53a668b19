"""The program on EC2, whose instances are real machines here: promises that AWS's part makes.

The tests are in order: each finds the cluster as the one before left it.
"""

from tests.aws.amazon import Amazon
from tests.cluster.stack import Stack, eventually


def test_every_registered_target_answers(cluster: Stack, cloud: Amazon):
    machines = cluster.outputs()["machines"]
    assert sorted(cloud.targets().values()) == sorted(machines.values())
    for address in cloud.targets().values():
        eventually(f"{address} answers", lambda address=address: says_hello(cluster, address))


def test_machines_are_what_their_user_data_says(cluster: Stack):
    for machine in cluster.outputs()["machines"]:
        assert cluster.on(machine, "hostname").out.strip() == machine
        assert cluster.on(machine, "cloud-init status").out.strip() == "status: done"
        # The file system of a container cannot grow: that cloud-init tried is all there is to see.
        ran = "sudo grep -c 'config-growpart' /var/log/cloud-init.log"
        assert int(cluster.on(machine, ran).out) > 0


def test_a_preview_shows_no_change(cluster: Stack):
    assert cluster.changes() == {}


def says_hello(cluster: Stack, address: str) -> bool:
    """Whether a target answers as the load balancer would see it."""
    ask = ("curl", "--silent", "--max-time", "5", f"http://{address}/")
    return "Hello World!" in cluster.run(*ask, check=False).out
