"""etcd's data lost or put back: nothing stops, and `pulumi up` writes everything again."""

import pytest

from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.operations import copied
from tests.cluster.stack import Stack, eventually

pytestmark = pytest.mark.usefixtures("undisturbed")

WRITTEN = {
    "cluster-store-id": "update",
    "/app/greeting": "update",
    "/app/nginx/max-body-size": "update",
    "hello.service": "update",
    "nginx-pool.service": "update",
    "nginx.service": "update",
    "sinatra@.service": "update",
    "sinatra-discovery@.service": "update",
}
"""What a preview says when etcd holds other data."""


def greeting(stack: Stack) -> str:
    return stack.on("machine-2", "etcdctl get --print-value-only /app/greeting").out.strip()


def test_what_was_deleted_from_etcd_is_written_again(
    cluster: Stack, machines: dict[str, str], url: str
):
    before = greeting(cluster)
    with Load(url) as load:
        asking.etcdctl(cluster, "machine-1", "del --prefix ''")
        assert cluster.changes() == WRITTEN
        cluster.up()
        assert cluster.changes() == {}
    assert greeting(cluster) == before
    print(f"\nall keys deleted: {load}")
    assert not load.failed, load.failed


@pytest.mark.faults
def test_members_without_any_data_are_made_anew(cluster: Stack, machines: dict[str, str], url: str):
    before = greeting(cluster)
    with Load(url) as load:
        copied(cluster, "all data lost")
        eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    assert greeting(cluster) == before
    assert cluster.changes() == {}
    refused = cluster.on("machine-1", "etcdctl put /fleet/leader me", check=False)
    assert "permission denied" in refused.text, "each certificate has its keys again"
    print(f"\nall data directories removed: {load}")
    assert not load.failed, load.failed
