"""The program on EC2, whose instances are real machines here: promises that AWS's part makes.

The tests are in order: each finds the cluster as the one before left it.
"""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from ipaddress import ip_address

from tests.aws import balancer
from tests.aws.amazon import Amazon
from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually

CORE = 3


def test_every_registered_target_answers(cluster: Stack, cloud: Amazon):
    machines = cluster.outputs()["machines"]
    assert sorted(cloud.targets().values()) == sorted(machines.values())
    for address in cloud.targets().values():
        eventually(f"{address} answers", lambda address=address: says_hello(cluster, address))


def test_machines_are_reached_at_their_elastic_addresses(cluster: Stack, cloud: Amazon):
    public = cloud.elastic_addresses()
    for machine, private in cluster.outputs()["machines"].items():
        assert ip_address(public[private]) in cloud.internet
        # Who connected from where, to which address of the machine.
        _, _, reached, _ = cluster.on(machine, "echo $SSH_CONNECTION").out.split()
        assert reached == public[private]


def test_machines_are_what_their_user_data_says(cluster: Stack):
    for machine in cluster.outputs()["machines"]:
        assert cluster.on(machine, "hostname").out.strip() == machine
        assert cluster.on(machine, "cloud-init status").out.strip() == "status: done"
        # The file system of a container cannot grow: that cloud-init tried is all there is to see.
        ran = "sudo grep -c 'config-growpart' /var/log/cloud-init.log"
        assert int(cluster.on(machine, ran).out) > 0
        # What is installed for units to use does nothing by itself.
        assert cluster.on(machine, "systemctl is-enabled haproxy", check=False).out == "disabled\n"
        assert cluster.on(machine, "systemctl is-active haproxy", check=False).code != 0


def test_a_preview_shows_no_change(cluster: Stack):
    assert cluster.changes() == {}


def test_a_terminated_core_machine_comes_back(cluster: Stack, cloud: Amazon):
    machines = cluster.outputs()["machines"]
    before = cloud.instances()
    victim = before["machine-2"]
    cloud.terminate(victim)
    cluster.up("--refresh")
    after = cloud.instances()
    assert after["machine-2"] != victim
    assert {**after, "machine-2": victim} == before, "the others stay"
    assert cluster.outputs()["machines"] == machines, "addresses stay"
    eventually("it is whole", lambda: asking.is_whole(cluster, machines), 120)
    assert set(cloud.targets()) == set(after.values())
    for address in machines.values():
        eventually(f"{address} answers", lambda address=address: says_hello(cluster, address))
    assert cluster.changes() == {}


def test_etcd_stays_healthy_while_it_grows_and_shrinks(cluster: Stack, cloud: Amazon):
    for size in (5, 3):
        cluster.configure({"cluster-size": str(size), "etcd-size": str(size)})
        with watching_etcd(cluster) as unhealthy:
            cluster.up()
        assert not unhealthy
        machines = cluster.outputs()["machines"]
        assert len(machines) == size
        eventually("it is whole", lambda: asking.is_whole(cluster, machines, core=size), 120)  # noqa: B023
        assert set(cloud.targets()) == set(cloud.instances().values())
    assert len(cloud.machines()) == CORE


def test_another_instance_type_rolls_one_core_machine_at_a_time(cluster: Stack, cloud: Amazon):
    before, began = cloud.instances(), time.time()
    cluster.configure({"instance-type": "t3.medium"})
    with balancer.running(cloud) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        eventually("targets are healthy", lambda: cluster.run("curl", "--fail", url))
        server.troubles.clear()
        with Load(url) as load:
            cluster.up()
    assert not set(before.values()) & set(cloud.instances().values()), "all were made anew"
    assert most_down_at_once(cloud, began) == 1
    print(load)
    # Each machine was deregistered and drained before it went. What it ran runs elsewhere within
    # its lease, and until then nginx asks the next instance: so not one request may be lost.
    assert not load.failed, server.troubles
    machines = cluster.outputs()["machines"]
    eventually("it is whole", lambda: asking.is_whole(cluster, machines), 120)


def says_hello(cluster: Stack, address: str) -> bool:
    """Whether a target answers as the load balancer would see it."""
    ask = ("curl", "--silent", "--max-time", "5", f"http://{address}/")
    return "Hello World!" in cluster.run(*ask, check=False).out


def most_down_at_once(cloud: Amazon, since: float) -> int:
    """How many machines that had been there were down at the same time, at most."""
    down: set[str] = set()
    most = 0
    for event in cloud.events():
        if event.at >= since:
            (down.add if event.what == "stopped" else down.discard)(event.address)
            most = max(most, len(down))
    return most


@contextmanager
def watching_etcd(cluster: Stack) -> Generator[list[str]]:
    """What was wrong with the answers of the members that stay, during the block.

    A plain etcdctl may ask a new member too, which is a learner for a moment and takes no write.
    A write that an election refuses is tried once more, as clients do.
    """
    core = [f"machine-{number}" for number in range(1, CORE + 1)]
    machines = cluster.outputs()["machines"]
    endpoints = ",".join(f"https://{machines[name]}:2379" for name in core)
    write = f"ETCDCTL_ENDPOINTS={endpoints} etcdctl --command-timeout=10s put /test/alive yes"

    def look() -> str:
        done = cluster.on("machine-1", f"{write} || {write}", check=False)
        return "" if done.code == 0 else done.text

    with repeating(look) as found:
        yield found


@contextmanager
def repeating(look: Callable[[], str]) -> Generator[list[str]]:
    """Look twice a second in the background; what was found is collected."""
    found: list[str] = []
    ended = threading.Event()

    def go() -> None:
        while not ended.wait(0.5):
            problem = look()
            if problem:
                found.append(problem)

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
