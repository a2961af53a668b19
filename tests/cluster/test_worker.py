"""A worker, a machine that keeps none of etcd's data, on real machines: it is one, not all."""

from collections.abc import Iterator

import pytest

from fleet_cluster.fleet.model import keys
from tests.cluster import asking, reach
from tests.cluster.stack import Done, Stack, eventually
from tests.cluster.test_trust import REACHES

WORKER = "machine-4"


@pytest.fixture(scope="module")
def grown(cluster: Stack, machines: dict[str, str]) -> Iterator[dict[str, str]]:
    """All machines, with a worker until the tests end; on the others nothing restarts."""
    before = asking.runs(cluster, machines)
    cluster.configure({"cluster-size": "4"})
    try:
        cluster.up()
        now = cluster.outputs()["machines"]
        eventually("the worker is in it", lambda: asking.is_whole(cluster, now), 120)
        yield now
    finally:
        cluster.configure({"cluster-size": "3"})
        cluster.up()
    assert asking.etcdctl(cluster, "machine-1", f"user get worker.{WORKER}", check=False).code != 0
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    assert asking.runs(cluster, machines) == before


def test_root_on_a_worker_reaches_what_its_row_says(cluster: Stack, grown: dict[str, str]):
    root = reach.unit(cluster, WORKER)
    found = reach.reached(root, grown["machine-2"], reach.registry(cluster))
    assert found == REACHES["root on a worker"]


EVERYWHERE = "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nGlobal=true\nHealthySec=0\n"


def as_worker(cluster: Stack, *commands: str) -> Done:
    """`etcdctl` with all that the worker has."""
    pki = asking.FLEET_PKI
    pair = f"ETCDCTL_CERT={pki}/worker.crt ETCDCTL_KEY={pki}/worker.key"
    script = "; ".join(f"etcdctl {command}" for command in commands)
    return cluster.on(WORKER, f"export {pair}; {script}", check=False)


def test_a_worker_runs_units_and_writes_nothing_but_its_reports(
    cluster: Stack, grown: dict[str, str]
):
    ids = asking.machine_ids(cluster, grown)
    own, other = ids[WORKER], ids["machine-2"]
    denied = [
        keys.unit_key("nginx.service"),
        keys.schedule_key(other, "nginx.service"),
        keys.state_key(other, "nginx.service"),
        keys.machine_key(other),
        keys.eligibility_key(own),
        keys.LEADER,
        keys.CLUSTER,
    ]
    asked = [command for key in denied for command in (f"put {key} 1", f"del {key}")]
    done = as_worker(cluster, *asked)
    assert done.text.count("Error: etcdserver: permission denied") == len(asked), done.text
    mine = keys.state_key(own, "x.service")
    assert as_worker(cluster, f"put {mine} 1", f"del {mine}").out.split() == ["OK", "1"]
    held = cluster.on(WORKER, f"ls {asking.FLEET_PKI}").out.split()
    assert not [file for file in held if file.startswith(("fleet", "root"))]


def test_fleetctl_looks_on_a_worker_and_says_where_to_change_things(
    cluster: Stack, grown: dict[str, str]
):
    here, ids = asking.through(cluster, WORKER), asking.machine_ids(cluster, grown)
    assert asking.machine_ids(here, grown) == ids
    refused = here.fleetctl("cordon", "machine-2", check=False)
    assert refused.code == 1 and "keeps none of etcd's data" in refused.text
    assert grown["machine-1"] in refused.text


def test_a_worker_answers_orders_as_members_do(cluster: Stack, grown: dict[str, str]):
    """They are on one lease, which a worker may put nothing on."""
    unit = cluster.program / "everywhere.service"
    unit.write_text(EVERYWHERE)
    cluster.fleetctl("start", str(unit))
    try:
        done = cluster.fleetctl("reset-failed", unit.name)
        assert all(address in done.out for address in grown.values()), done.out
    finally:
        cluster.fleetctl("destroy", unit.name)
