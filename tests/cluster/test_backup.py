"""etcd's data brought back from a snapshot by one command, while units run on."""

from pathlib import Path

import pytest

from tests.cluster import asking
from tests.cluster.stack import Stack, eventually

pytestmark = pytest.mark.usefixtures("undisturbed")

LATER = "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nHealthySec=0\n"


def snapshot(stack: Stack, to: Path) -> Path:
    """A snapshot, on this computer."""
    asking.etcdctl(stack, "machine-1", "snapshot save /tmp/fleet.db")
    config = stack.environment()["FLEETCTL_SSH_CONFIG"]
    copy = f"ssh -F '{config}' machine-1 'sudo cat /tmp/fleet.db && sudo rm /tmp/fleet.db' > {to}"
    stack.run("bash", "-c", copy)
    return to


def test_a_restore_brings_the_earlier_state_back(
    cluster: Stack, machines: dict[str, str], tmp_path: Path
):
    taken = snapshot(cluster, tmp_path / "fleet.db")
    later = tmp_path / "later.service"
    later.write_text(LATER)
    cluster.on("machine-1", "etcdctl put /test/newer 1")
    before = asking.runs(cluster, machines)
    done = cluster.fleetctl("restore", "--yes", str(taken))
    print(done.text)
    assert cluster.on("machine-1", "etcdctl get /test/newer").out == "", "it is the snapshot"
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    assert asking.runs(cluster, machines) == before
    assert "cluster-store-id" in cluster.changes(), "pulumi up writes the program's keys again"
    cluster.up()
