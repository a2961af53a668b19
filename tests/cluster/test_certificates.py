"""Certificates of an hour's life on real machines: renewed, their authority rotated, under load."""

import re
from collections.abc import Iterator

import pytest

from fleet_cluster.pki import YEAR
from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.stack import Done, Stack, eventually

METRIC = r'fleet_certificate_expiration_timestamp_seconds\{path="([^"]+)"\} (\d+)'
LEAKED = "/root/leaked"


@pytest.fixture
def hour(cluster: Stack) -> Iterator[None]:
    """Certificates live for an hour: each update renews them, until the test ends."""
    cluster.configure({"certificate-hours": "1"})
    yield
    cluster.configure({"certificate-hours": str(YEAR)})
    cluster.up()


def ends(cluster: Stack, machine: str) -> dict[str, int]:
    """When each of a machine's certificates ends, as its fleetd says."""
    told = cluster.on(machine, "curl --silent 127.0.0.1:9179/metrics").out
    return {path: int(end) for path, end in re.findall(METRIC, told)}


def etcds(cluster: Stack, machines: dict[str, str]) -> dict[str, str]:
    """The process of each member of etcd."""
    show = "systemctl show --property=MainPID --value etcd.service"
    return {machine: cluster.on(machine, show).out for machine in machines}


def shown(cluster: Stack, machine: str, pki: str) -> str:
    """The fingerprint of what etcd shows its clients."""
    connect = (
        f"sudo openssl s_client -connect localhost:2379 -cert {pki}/app.crt -key {pki}/app.key"
    )
    ask = f"{connect} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint"
    return cluster.on(machine, ask).out


def confds(cluster: Stack, machine: str) -> str:
    """The certificate that confd reads in its container."""
    return cluster.on(machine, "docker exec nginx-pool cat /etc/confd/pki/tls.crt").out


@pytest.mark.faults
@pytest.mark.usefixtures("undisturbed", "hour")
def test_an_update_renews_certificates_without_a_failed_request(
    cluster: Stack, machines: dict[str, str], url: str
):
    before = etcds(cluster, machines)
    years = {machine: ends(cluster, machine) for machine in machines}
    with Load(url) as load:
        cluster.up()
    print(load)
    assert not load.failed, load.failed
    assert etcds(cluster, machines) == before, "etcd reads them at each connection"
    for machine in machines:
        now, year = ends(cluster, machine), years[machine]
        assert now.keys() == year.keys()
        renewed = {path for path in now if now[path] < year[path]}
        assert renewed == {path for path in now if not re.search("ca.crt|authority", path)}
        file = cluster.on(machine, "openssl x509 -noout -fingerprint -in /etc/etcd/pki/member.crt")
        assert file.code == 0 and shown(cluster, machine, asking.FLEET_PKI) == file.out
        assert confds(cluster, machine) == cluster.on(machine, "cat /etc/fleet/pki/nginx.crt").out
    assert "CERTIFICATE" not in cluster.fleetctl("list-machines").out


@pytest.mark.faults
@pytest.mark.usefixtures("undisturbed", "hour")
def test_the_authority_is_rotated_without_a_failed_request_and_the_old_one_is_worth_nothing(
    cluster: Stack, machines: dict[str, str], url: str
):
    cluster.on("machine-2", f"sudo cp -r {asking.FLEET_PKI} {LEAKED}")
    assert with_leaked(cluster, "get /app/greeting").code == 0
    number = int(cluster.run("pulumi", "config", "get", "certificate-authority").out or 1)
    with Load(url) as load:
        cluster.configure({"certificate-authority": str(number + 1)})
        cluster.up()
        eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    print(load)
    assert not load.failed, load.failed
    for machine in machines:
        trusted = cluster.on(
            machine, "sudo grep -rc BEGIN /etc/fleet/pki/ca.crt /etc/etcd/pki/ca.crt"
        )
        assert {line.rpartition(":")[2] for line in trusted.out.split()} == {"1"}
        # etcd is asked every 15 s: for so long, a member that was restarted is told of.
        eventually(f"{machine} is well", lambda on=machine: is_well(cluster, on), 60)
    assert cluster.on("machine-2", "etcdctl get /app/greeting").code == 0
    assert with_leaked(cluster, "get /app/greeting").code != 0
    cluster.on("machine-2", f"sudo rm -r {LEAKED}")


def is_well(cluster: Stack, machine: str) -> bool:
    """Whether /healthz of a machine's fleetd answers 200."""
    return cluster.on(machine, "curl --fail --silent 127.0.0.1:9179/healthz", check=False).code == 0


def with_leaked(cluster: Stack, command: str) -> Done:
    """`etcdctl` with the certificate and key of the application that somebody has copied."""
    pair = f"ETCDCTL_CERT={LEAKED}/app.crt ETCDCTL_KEY={LEAKED}/app.key"
    tool = "etcdctl --endpoints=https://localhost:2379 --command-timeout=3s"
    ask = f". /etc/fleet/environment; sudo env ETCDCTL_CACERT=/etc/fleet/pki/ca.crt {pair} {tool}"
    return cluster.on("machine-2", f"{ask} {command}", check=False)
