"""While something of a machine, or etcd, is at fault, every request is served."""

import pytest

from tests.cluster import asking, faults, service_faults
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually

INSTANCE, ANOTHER = "sinatra@5000.service", "sinatra@5001.service"
HOLDER = "sinatra-discovery@5000.service"
"""Which holds its name."""
TOLD_SECONDS = 60
"""etcd is asked how it does every 15 seconds, which is longer than a lease."""


def spread_out(cluster: Stack, machines: dict[str, str]) -> None:
    """The app's instances on two machines, wherever other tests have brought them."""
    where = asking.placements(cluster, machines)
    if where[INSTANCE] == where[ANOTHER]:
        cluster.fleetctl("destroy", ANOTHER)
        cluster.up()
        eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
        where = asking.placements(cluster, machines)
    assert where[INSTANCE] != where[ANOTHER]


def why_not_found(cluster: Stack) -> str:
    (row,) = [one for one in cluster.fleetctl_json("list-names") if one["unit"] == HOLDER]
    return row["found"]


def is_told(cluster: Stack, machine: str, what: str) -> bool:
    return what in cluster.on(machine, "curl --silent 127.0.0.1:9179/healthz").out


def test_docker_restarts_on_a_machine_that_serves(
    cluster: Stack, machines: dict[str, str], url: str
):
    spread_out(cluster, machines)
    victim = asking.placements(cluster, machines)[INSTANCE]
    before = asking.runs(cluster, machines)
    with Load(url, users=8) as load:
        service_faults.restart_docker(cluster, victim)
        eventually(
            "its clients have ended, and their units run again",
            lambda: (
                asking.runs(cluster, [victim])[victim, INSTANCE] != before[victim, INSTANCE]
                and asking.is_whole(cluster, machines)
            ),
            120,
        )
    after = asking.runs(cluster, machines)
    assert after.keys() == before.keys(), "each is where it was"
    assert {at for at in after if after[at] != before[at]} <= {at for at in after if victim in at}
    print(f"\nDocker restarts: {load}")
    assert not load.failed, load.failed


def test_an_app_that_hangs_leaves_the_pool_until_it_answers_again(
    cluster: Stack, machines: dict[str, str]
):
    spread_out(cluster, machines)
    home = asking.placements(cluster, machines)[INSTANCE]
    address = f"{machines[home]}:5000"
    before = asking.runs(cluster, machines)[home, INSTANCE]

    def in_pools() -> set[bool]:
        ask = "curl --silent --header 'Host: pool' 127.0.0.1"
        return {address in cluster.on(machine, ask).out.split() for machine in machines}

    eventually("it is in each pool", lambda: in_pools() == {True})
    cluster.on(home, "docker pause sinatra-5000")
    try:
        eventually("it has left each pool", lambda: in_pools() == {False})
        # It ends, and is begun anew: a report of either may be there for a moment.
        eventually("it is told", lambda: why_not_found(cluster) == "no: it is activating")
    finally:
        cluster.on(home, "docker unpause sinatra-5000")
    eventually("it is in each pool again", lambda: in_pools() == {True})
    assert asking.runs(cluster, machines)[home, INSTANCE] == before, "the app itself is left alone"


@pytest.mark.usefixtures("undisturbed")
def test_etcd_takes_no_writes(cluster: Stack, machines: dict[str, str], url: str):
    with Load(url, users=8) as load:
        with service_faults.etcd_without_space(cluster):
            for machine in machines:
                told = lambda machine=machine: is_told(cluster, machine, "alarm NOSPACE")  # noqa: E731
                eventually("it is told", told, TOLD_SECONDS)
            assert len(cluster.fleetctl_json("list-machines")) == len(machines)
        cluster.on("machine-1", "etcdctl put /test/room 1 && etcdctl del /test/room")
    print(f"\netcd takes no writes: {load}")
    assert not load.failed, load.failed


@pytest.mark.faults
@pytest.mark.usefixtures("undisturbed")
def test_the_disk_of_etcds_leader_fills(cluster: Stack, machines: dict[str, str], url: str):
    victim = asking.etcd_leader(cluster, "machine-1")
    with Load(url, users=8) as load:
        with faults.etcd_without_room(cluster, victim):
            short = "/var/lib/etcd/fleet has 0 of 256 MiB left"
            eventually("it is told", lambda: is_told(cluster, victim, short), TOLD_SECONDS)
        eventually("etcd is back", lambda: asking.is_whole(cluster, machines), 120)
    print(f"\netcd's disk fills: {load}")
    assert not load.failed, load.failed


@pytest.mark.faults
@pytest.mark.usefixtures("undisturbed")
def test_docker_hangs(cluster: Stack, machines: dict[str, str], url: str):
    victim = asking.placements(cluster, machines)[INSTANCE]

    def state() -> str:
        (row,) = [
            one for one in cluster.fleetctl_json("list-machines") if one["ip"] == machines[victim]
        ]
        return row["state"]

    with Load(url, users=8) as load:
        with faults.docker_hangs(cluster, victim):
            hangs = "sick: Docker does not answer"
            eventually("it is told", lambda: state() == hangs, TOLD_SECONDS)
        eventually("it answers", lambda: not state(), TOLD_SECONDS)
    print(f"\nDocker hangs: {load}")
    assert not load.failed, load.failed
