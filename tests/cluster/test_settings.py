"""A changed setting reaches a cluster that is up by `pulumi up`: under load, no unit notices."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually

pytestmark = pytest.mark.faults

CHANGED = {
    "etcd-quota-backend-bytes": "3221225472",
    "etcd-election-timeout": "2500",
    "agent-ttl": "12",
}


@pytest.fixture
def usual(cluster: Stack) -> Iterator[None]:
    """Afterwards, the cluster has the settings that it had."""
    yield
    for setting in CHANGED:
        cluster.run("pulumi", "config", "rm", setting)
    cluster.up()


def started_with(stack: Stack, machine: str) -> dict[str, str]:
    """The environment of the process of a machine's member."""
    process = "$(systemctl show --property=MainPID --value etcd.service)"
    shown = stack.on(machine, f"sudo cat /proc/{process}/environ").out
    return dict(line.split("=", 1) for line in shown.split("\0") if "=" in line)


def started(stack: Stack, machine: str) -> tuple[int, int]:
    """When systemd began to start a machine's member, and when it was up: microseconds."""
    names = ("InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    show = f"systemctl show --property={','.join(names)} etcd.service"
    shown = dict(line.split("=", 1) for line in stack.on(machine, show).out.splitlines())
    began, up = (int(shown[name]) for name in names)
    return began, up


@pytest.mark.usefixtures("usual")
def test_settings_of_etcd_and_fleet(cluster: Stack, machines: dict[str, str], url: str):
    units, before = asking.runs(cluster, machines), [started(cluster, one) for one in machines]
    cluster.configure(CHANGED)
    with Load(url) as load:
        done = cluster.up()
        eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    print(f"\nother settings: {load}")
    assert not load.failed, load.failed
    assert asking.runs(cluster, machines) == units
    for machine in machines:
        variables = started_with(cluster, machine)
        assert variables["ETCD_QUOTA_BACKEND_BYTES"] == "3221225472"
        assert variables["ETCD_ELECTION_TIMEOUT"] == "2500"
        metrics = cluster.on(machine, "curl --silent 127.0.0.1:9179/metrics").out
        assert "\nfleet_lease_ttl_seconds 12\n" in metrics
        assert f"etcd on {machine} is restarted: ETCD_ELECTION_TIMEOUT: 1000, to be" in done.text
        assert f"{machine}: fleetd gets agent_ttl: 10, to be 12" in done.text
    after = [started(cluster, one) for one in machines]
    assert not set(before) & set(after)
    assert all(up < began for (_, up), (began, _) in pairwise(after)), "one after the other"
    assert cluster.changes() == {}
