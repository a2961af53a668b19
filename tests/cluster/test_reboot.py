"""Machines that reboot one after the other, while 50 requests a second are answered."""

import shlex

import pytest

from tests.cluster import asking, faults
from tests.cluster.capacity import Capacity
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually

INSTANCES = 2


BOOT = "cut -d' ' -f22 /proc/1/stat"


def boot_of(stack: Stack, machine: str) -> str:
    """What changes when the machine boots."""
    return stack.on(machine, BOOT).out


@pytest.mark.faults  # The walkthrough does as much.
def test_a_machine_reboots_without_a_failed_request(
    cluster: Stack, machines: dict[str, str], url: str
):
    """The one that fleetctl goes through, a member of etcd; it may lead fleet, too."""
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    before, booted = asking.placements(cluster, machines), boot_of(cluster, "machine-1")
    ids = asking.machine_ids(cluster, machines)
    with Load(url) as load, Capacity(cluster, "machine-2") as capacity:
        done = cluster.fleetctl("reboot", "machine-1")
    print(f"\n{done.text}\n  {load}\n  {capacity}")
    [line] = done.out.splitlines()
    assert line.startswith(f"{ids['machine-1'][:8]}.../{machines['machine-1']} has rebooted, in ")
    assert boot_of(cluster, "machine-1") != booted
    assert not load.failed, load.failed
    assert min(capacity.active) >= INSTANCES
    assert asking.is_whole(cluster, machines), "when it ends, not some time after it"
    assert asking.placements(cluster, machines).keys() == before.keys()
    assert states(cluster) == {""}


@pytest.mark.faults
def test_a_machine_whose_operating_system_asks_for_it_reboots_in_the_window(
    cluster: Stack, machines: dict[str, str], url: str
):
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    booted = {machine: boot_of(cluster, machine) for machine in machines}

    def asks() -> list[str]:
        rows = cluster.fleetctl_json("list-machines")
        return [row["hostname"] for row in rows if "reboot required" in row["state"]]

    cluster.on("machine-3", "sudo touch /run/reboot-required")
    eventually("it is told of", lambda: asks() == ["machine-3"])
    cluster.configure({"reboot-window": "daily 00:00-24:00"})
    try:
        with Load(url) as load:
            cluster.up()
            eventually("it has rebooted", lambda: reboots(cluster, "machine-3", booted), 120)
            eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
            eventually("the lock is given on", lambda: states(cluster) == {""}, 60)
        print(f"\n  {load}")
        assert not load.failed, load.failed
        assert [m for m in machines if reboots(cluster, m, booted)] == ["machine-3"]
    finally:
        cluster.configure({"reboot-window": ""})
        cluster.up()


def reboots(stack: Stack, machine: str, booted: dict[str, str]) -> bool:
    """Whether a machine is up, by another boot."""
    now = stack.on(machine, BOOT, check=False)
    return now.code == 0 and now.out != booted[machine]


def states(stack: Stack) -> set[str]:
    """What list-machines tells of them."""
    return {row["state"] for row in stack.fleetctl_json("list-machines")}


@pytest.mark.faults
def test_all_machines_reboot_and_what_an_operator_has_said_stands(
    cluster: Stack, machines: dict[str, str], url: str
):
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    booted = {machine: boot_of(cluster, machine) for machine in machines}
    cluster.fleetctl("cordon", "machine-3")
    try:
        with Load(url) as load:
            done = cluster.fleetctl("reboot", "--all")
        print(f"\n{done.text}\n  {load}")
        assert done.out.count("has rebooted") == len(machines)
        assert all(boot_of(cluster, machine) != booted[machine] for machine in machines)
        assert not load.failed, load.failed
        states = {row["hostname"]: row["state"] for row in cluster.fleetctl_json("list-machines")}
        assert states == {"machine-1": "", "machine-2": "", "machine-3": "cordoned"}
    finally:
        cluster.fleetctl("uncordon", "machine-3")


@pytest.mark.faults
def test_a_machine_that_does_not_come_back_ends_the_series(
    cluster: Stack, machines: dict[str, str], url: str
):
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    booted = {machine: boot_of(cluster, machine) for machine in machines}
    victim = cluster.container("machine-2")
    policy = shlex.split("docker update --restart=no")
    cluster.run(*policy, victim)
    try:
        with Load(url) as load:
            stopped = cluster.fleetctl(
                "reboot", "machine-2", "machine-3", "--timeout=60", check=False
            )
        print(f"\n{stopped.text}\n  {load}")
        assert stopped.code == 1
        assert "not done within 60 s: it is away" in stopped.err
        assert "not begun, because of machine-2" in stopped.err
        assert "Look at machine-2: start it, by its console." in stopped.err
        assert boot_of(cluster, "machine-3") == booted["machine-3"]
        assert "does not end" in cluster.fleetctl("list-machines").text
        refused = cluster.fleetctl("reboot", "machine-3", check=False)
        assert refused.code == 1 and "no machine reboots" in refused.err
        assert not load.failed, load.failed
    finally:
        cluster.run("docker", "update", "--restart=unless-stopped", victim)
        cluster.run("docker", "start", victim)
        faults.takes_logins(cluster, "machine-2")
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    told = ("last reboot: not done within 60 s", "last reboot: not begun")
    given_on = lambda: all(not one or one.startswith(told) for one in states(cluster))  # noqa: E731
    eventually("the lock is given on, and what came of it is told", given_on, 120)
