"""Real etcd for hundreds of machines: three members, certificates and users as in the product.

The first machines have a member each and fleet's own certificate, all others are workers with one
of their own.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc

from bench.crowd import FLEETS_CERT, address_of, machine_id
from fleet_cluster.fleet.config import WORKER_CERT
from fleet_cluster.fleet.etcd.client import Etcd, connect
from fleet_cluster.fleet.etcd.member import Certificates
from fleet_cluster.fleet.etcd_roles import FLEET, WORKERS, Role, roles, worker
from fleet_cluster.fleet.setup.etcd_auth import EtcdAuth
from fleet_cluster.fleet.setup.files import CLIENT_PORT, PEER_AUTHORITY, PEER_TRUST, SERVER_NAME
from tests.contract.etcd_cluster import EtcdCluster, addresses, as_root, running
from tests.unit.fleet.authority import Authority

from . import users

MEMBERS = 3


class Cluster:
    """etcd's members, and a folder of each machine with what it shows them."""

    def __init__(self, etcd: EtcdCluster, folder: Path) -> None:
        self.etcd = etcd
        self.folder = folder
        """Where machines have their folders."""
        self.endpoints = [f"{address}:{CLIENT_PORT}" for address in etcd.addresses.values()]
        self.certificates = Certificates(*_files(etcd.folder, FLEET.name))
        """Fleet's own."""

    def connect(self) -> Etcd:
        """A connection as fleet, to the last member: the leader of fleet asks the first."""
        own = self.certificates
        return connect(
            self.endpoints, own.ca, own.cert, own.key, here=self.endpoints[-1].rpartition(":")[0]
        )

    def pids(self) -> Mapping[str, int]:
        """The processes of members, by name."""
        made = self.etcd.members.items()
        return {name: member.process.pid for name, member in made if member.process}

    def restart_members(self) -> None:
        """Restart one after the other, the next when the one before is healthy."""
        for name, member in self.etcd.members.items():
            member.restart()
            self.etcd.until("is healthy", "endpoint", "health", at=name)


@contextmanager
def cluster(folder: Path, machines: int) -> Generator[Cluster]:
    """A cluster of etcd that knows so many machines, while the `with` block runs."""
    members, clients = addresses(MEMBERS), Authority()
    made = EtcdCluster(folder / "etcd", members, _texts(members, clients))
    with running(made):
        for name in members:
            member = made.add(name)
            (member.pki / PEER_TRUST).write_text(made.texts[PEER_AUTHORITY])
            member.configure(made.initial(list(members)), "new")
            member.start()
        made.wait()
        found = Cluster(made, folder / "machines")
        _admit(found, machines, clients)
        yield found


def _texts(members: Mapping[str, str], clients: Authority) -> dict[str, str]:
    """Certificates and keys of members and of the product's own roles."""
    peers = Authority("peers")
    pairs = {role.name: clients.sign(role.name) for role in roles({})}
    for name, address in members.items():
        hosts = (name, SERVER_NAME)
        pairs[name] = clients.sign(name, address=address, hosts=("localhost", *hosts))
        pairs[f"{name}-peer"] = peers.sign(name, address=address, hosts=hosts)
    texts = {"ca.crt": clients.cert, PEER_AUTHORITY: peers.cert}
    for name, (cert, key) in pairs.items():
        texts |= {f"{name}.crt": cert, f"{name}.key": key}
    return texts


def _admit(made: Cluster, machines: int, clients: Authority) -> None:
    """Give each machine its certificate, and etcd the users that these name."""
    etcd = made.etcd
    for number in range(1, 1 + MEMBERS):
        pair = etcd.texts[f"{FLEET.name}.crt"], etcd.texts[f"{FLEET.name}.key"]
        _write(made.folder / f"machine-{number}", FLEETS_CERT, pair, clients)
    workers = [_worker(number, made) for number in range(1 + MEMBERS, 1 + machines)]
    for number, role in enumerate(workers, 1 + MEMBERS):
        pair = clients.sign(role.name)
        _write(made.folder / f"machine-{number}", WORKER_CERT, pair, clients)
    ca, cert, key = (path.read_bytes() for path in _files(etcd.folder, "root"))
    root = grpc.ssl_channel_credentials(ca, key, cert)
    with grpc.secure_channel(made.endpoints[0], root) as channel:
        users.give(channel, workers)
    EtcdAuth(as_root(etcd), etcd.address).reconcile({})


def _worker(number: int, made: Cluster) -> Role:
    address = address_of(number, made.endpoints, made.folder)
    role = worker(f"machine-{number}", machine_id(number), address)
    assert role.name.startswith(WORKERS)
    return role


def _write(folder: Path, name: str, pair: tuple[str, str], clients: Authority) -> None:
    folder.mkdir(parents=True)
    cert, key = pair
    (folder / name).write_text(cert)
    (folder / name).with_suffix(".key").write_text(key)
    (folder / "ca.crt").write_text(clients.cert)


def _files(folder: Path, name: str) -> tuple[Path, Path, Path]:
    return folder / "ca.crt", folder / f"{name}.crt", folder / f"{name}.key"
