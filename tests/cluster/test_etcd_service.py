"""A member of etcd is back by itself, whatever has ended it."""

import pytest

from tests.cluster import asking, faults
from tests.cluster.stack import Stack, eventually

pytestmark = pytest.mark.faults

VICTIM = "machine-3"


def restarts(stack: Stack) -> int:
    """How often systemd has started the member again by itself; asked without the network."""
    show = ("systemctl", "show", "--property=NRestarts", "--value", "etcd.service")
    return int(stack.run("docker", "exec", stack.container(VICTIM), *show).out)


def test_when_its_address_came_late(cluster: Stack, machines: dict[str, str]):
    with faults.without_address(cluster, VICTIM, machines[VICTIM]):
        again = ("systemctl", "restart", "--no-block", "etcd.service")
        cluster.run("docker", "exec", cluster.container(VICTIM), *again)
        eventually("it has failed three times", lambda: restarts(cluster) >= 3)
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)


@pytest.mark.usefixtures("undisturbed")
def test_when_there_was_no_room_on_its_disk(cluster: Stack, machines: dict[str, str]):
    def ends_again_and_again() -> bool:
        # Until the pages are used up that its file has room for.
        put = "head -c 900000 /dev/zero | tr '\\0' x | etcdctl put /test/large"
        cluster.on("machine-1", put, check=False)
        return restarts(cluster) >= 3

    with faults.etcd_without_room(cluster, VICTIM):
        eventually("it has ended three times", ends_again_and_again, 120)
    cluster.on("machine-1", "etcdctl del /test/large")
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
