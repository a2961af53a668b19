"""A worker, a machine that keeps none of etcd's data, on real machines: it is one, not all."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from fleet_cluster.fleet.model import keys
from tests.cluster import asking, reach
from tests.cluster.stack import Done, Stack, eventually
from tests.cluster.test_trust import REACHES

WORKER = "machine-4"


@pytest.fixture(scope="module")
def grown(cluster: Stack, machines: dict[str, str]) -> Iterator[dict[str, str]]:
    """All machines, with a worker until the tests end; on the others nothing restarts."""
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
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


LEAST_ROOM = 40 << 10
"""KiB: with a tenth of 400 MiB left, Docker's disk is short of room."""


@contextmanager
def small_disk_for_images(stack: Stack) -> Generator[None]:
    """Docker's data are on a file system of 400 MiB, of which nginx and its pool take a half.

    Their containers outlive Docker, and would hold the disk.
    """
    units = "nginx.service nginx-pool.service"
    switch = f"systemctl stop {units} docker.socket docker.service; {{}}; systemctl start {units}"
    small = "mount -t tmpfs -o mode=711,size=400m images /var/lib/docker"
    try:
        stack.on(WORKER, f"sudo sh -ec '{switch.format(small)}'")
        yield
    finally:
        stack.on(WORKER, f"sudo sh -ec '{switch.format('umount /var/lib/docker')}'")


@pytest.mark.faults
def test_fifty_versions_of_an_image_leave_a_small_disk_with_room(
    cluster: Stack, grown: dict[str, str]
):
    """Each is as good as unused when the next one comes; what runs keeps its image."""

    def has_room() -> bool:
        shown = cluster.on(WORKER, "df --output=avail /var/lib/docker | tail -1")
        return int(shown.out) > LEAST_ROOM

    make = "head -c 12M /dev/urandom >version; tar -c version | docker import - app:{}"
    with small_disk_for_images(cluster):
        for number in range(50):
            cluster.on(WORKER, make.format(number))
            eventually("room is made", has_room, 30)
        left = cluster.on(WORKER, "docker images --quiet app").out.split()
        assert len(left) < 30, "there is no room for more"
        assert cluster.on(WORKER, "systemctl is-active nginx.service").out == "active\n"
        healthz = "curl --silent 127.0.0.1:9179/healthz"
        eventually("it is well", lambda: cluster.on(WORKER, healthz).out == "ok\n", 30)
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, grown), 120)


NAMED = """\
[Service]
LoadCredential={name}:/run/fleet/credentials
ExecStart=/bin/sleep infinity
[X-Fleet]
MachineID={machine}
HealthySec=0
"""


@pytest.mark.faults
def test_a_worker_opens_the_secrets_of_its_own_units_only(cluster: Stack, grown: dict[str, str]):
    ids = asking.machine_ids(cluster, grown)
    own = {"theirs": "machine-2", "ours": WORKER}
    try:
        for name, machine in own.items():
            cluster.run("fleetctl", "secret", "set", name, stdin=f"value of {name}")
            unit = cluster.program / f"{name}.service"
            unit.write_text(NAMED.format(name=name, machine=ids[machine]))
            cluster.fleetctl("start", str(unit))
        get = "get --prefix --print-value-only"
        gets = (f"{get} {keys.SECRETS}", f"{get} {keys.CREDENTIALS}")
        lines = [line for line in as_worker(cluster, *gets).out.splitlines() if line.strip()]
        sealed = [json.loads(line)["sealed"] for line in lines]
        assert len(sealed) == 4
        opens = "sudo age --decrypt -i /etc/fleet/age.key"
        tried = [cluster.on(WORKER, opens, check=False, stdin=one) for one in sealed]
        assert [one.out for one in tried if one.code == 0] == ["value of ours"]
    finally:
        for name in own:
            cluster.fleetctl("destroy", f"{name}.service", check=False)
            cluster.fleetctl("secret", "rm", name, check=False)
