"""Members of the real etcd on this computer, with our certificates and configuration."""

import http.client
import os
import secrets
import ssl
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import pulumi

from fleet_cluster._etcd_release import VERSION, etcd_archive
from fleet_cluster.fleet.etcd_configuration import ETCD_PKI, HOW_IT_BEGAN, MIB, EtcdSettings
from fleet_cluster.fleet.etcd_roles import WORKERS, Role
from fleet_cluster.fleet.setup.etcd_release import unpack
from fleet_cluster.fleet.setup.etcdctl import Etcdctl
from fleet_cluster.fleet.setup.files import ETCD_DATA, PEER_AUTHORITY, etcd_environment
from fleet_cluster.images import own_processor
from fleet_cluster.pki import Pki
from tests.contract.harness import Project

PATIENCE = 60.0
"""Seconds; longer than anything here takes, so that a failure ends."""
BEFORE = {
    "ETCD_PEER_TRUSTED_CA_FILE": "ca.crt",
    "ETCD_PEER_CERT_FILE": "member.crt",
    "ETCD_PEER_KEY_FILE": "member.key",
}
"""How members were configured before peers had an authority of their own: files by variable."""


def addresses(count: int) -> dict[str, str]:
    """Loopback addresses of members that no other test has, by name."""
    net = f"127.{1 + secrets.randbelow(254)}.{1 + secrets.randbelow(254)}"
    return {f"machine-{number}": f"{net}.{10 + number}" for number in range(1, count + 1)}


def signed(
    project: Project,
    members: Mapping[str, str],
    roles: Sequence[Role],
    workers: Sequence[str] = (),
) -> dict[str, str]:
    """The cluster's certificates and keys as files: texts by name."""

    def program() -> None:
        named = [{"name": name, "address": address} for name, address in members.items()]
        signers = {"hours": 24, "authority": 1}
        pki = Pki("pki", {"members": named, "roles": roles, **signers})  # pyright: ignore[reportArgumentType]
        files = {"ca.crt": pki.authority, PEER_AUTHORITY: pki.peer_authority}
        peers = {f"{name}-peer": pair for name, pair in pki.peers.items()}
        own = {f"{WORKERS}{name}": pki.worker(name) for name in workers}
        own |= {f"{name}-journal": pki.sender(name) for name in members}
        own |= {"journal.receiver": pki.receiver(next(iter(members.values())))}
        for name, pair in (pki.pairs | peers | own).items():
            files |= {f"{name}.crt": pair.cert, f"{name}.key": pair.key}
        pulumi.export("files", files)

    return project.up(program).outputs["files"]


@dataclass
class Member:
    """A member of etcd with its folder, as on a machine of its own."""

    name: str
    address: str
    folder: Path
    programs: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def pki(self) -> Path:
        """Its certificates, by the names that they have on machines."""
        return self.folder / "pki"

    def configure(
        self, initial_cluster: str, state: str, *, before: bool = False, quota: int = 2048 * MIB
    ) -> None:
        """Gives it the configuration that machines get, or got before."""
        found = etcd_environment(self.name, self.address, EtcdSettings(quota).variables())
        found |= dict(zip(HOW_IT_BEGAN, (initial_cluster, state), strict=True))
        if before:
            del found["ETCD_PEER_CERT_ALLOWED_HOSTNAME"]
            found |= {name: f"{ETCD_PKI}/{file}" for name, file in BEFORE.items()}
        here = {ETCD_PKI: str(self.pki), ETCD_DATA: str(self.folder / "data")}
        for path, own in here.items():
            found = {name: value.replace(path, own) for name, value in found.items()}
        # These would be the same for all on this computer.
        found["ETCD_LISTEN_CLIENT_URLS"] = found["ETCD_ADVERTISE_CLIENT_URLS"]
        found["ETCD_LISTEN_METRICS_URLS"] = f"http://{self.address}:2381"
        # All members here come from one address.
        found["ETCD_PEER_SKIP_CLIENT_SAN_VERIFICATION"] = "true"
        self.environment = found

    def start(self) -> None:
        """Starts it."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "etcd"],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        """Ends it and waits until it has."""
        if self.process:
            self.process.terminate()
            self.process.wait()

    def restart(self) -> None:
        """Ends it and starts it again."""
        self.stop()
        self.start()


@dataclass
class EtcdCluster:
    """Members, and files with all certificates."""

    folder: Path
    addresses: Mapping[str, str]
    texts: Mapping[str, str]
    members: dict[str, Member] = field(default_factory=dict[str, Member])

    def __post_init__(self) -> None:
        """Unpacks etcd's programs and writes the certificates."""
        self.programs = self.folder / "programs"
        self.programs.mkdir(parents=True)
        unpack(etcd_archive(own_processor()), VERSION, self.programs, ["etcd", "etcdctl"])
        for name, text in self.texts.items():
            (self.folder / name).write_text(text)

    def add(self, name: str) -> Member:
        """A member with its files, which is not configured yet."""
        made = Member(name, self.addresses[name], self.folder / "machines" / name, self.programs)
        made.pki.mkdir(parents=True)
        given = {"ca.crt": "ca.crt", PEER_AUTHORITY: PEER_AUTHORITY}
        for end in ("crt", "key"):
            given |= {f"member.{end}": f"{name}.{end}", f"peer.{end}": f"{name}-peer.{end}"}
        for file, source in given.items():
            (made.pki / file).write_text(self.texts[source])
        self.members[name] = made
        return made

    def initial(self, names: Sequence[str]) -> str:
        """ETCD_INITIAL_CLUSTER of these."""
        return ",".join(f"{name}=https://{self.addresses[name]}:2380" for name in names)

    def command(self, certificate: str, *words: str, at: str = "machine-1") -> list[str | Path]:
        """`etcdctl` with a certificate, asking one member."""
        return [
            self.programs / "etcdctl",
            "--command-timeout=10s",
            f"--endpoints=https://{self.addresses[at]}:2379",
            f"--cacert={self.folder / 'ca.crt'}",
            f"--cert={self.folder / certificate}.crt",
            f"--key={self.folder / certificate}.key",
            *words,
        ]

    def run(
        self, certificate: str, *words: str, at: str = "machine-1", stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """What became of a command of `etcdctl`."""
        command = self.command(certificate, *words, at=at)
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

    def etcdctl(self, certificate: str, *words: str, at: str = "machine-1") -> str:
        """Output of a command of `etcdctl` that does well."""
        done = self.run(certificate, *words, at=at)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait(self) -> None:
        """Waits until every member answers and agrees with a majority."""
        for name in self.members:
            self.until("is healthy", "endpoint", "health", at=name)

    def until(self, said: str, *words: str, at: str = "machine-1") -> None:
        """Asks as root until a member says so; etcd has no event for it."""
        deadline = monotonic() + PATIENCE
        while said not in (done := self.run("root", *words, at=at)).stdout:
            assert monotonic() < deadline, f"{done.stderr}\n{self.log(at)[-2000:]}"
            sleep(0.1)

    def log(self, name: str) -> str:
        """What a member has logged."""
        return (self.members[name].folder / "log").read_text()

    @property
    def address(self) -> str:
        """Of the first member."""
        return next(iter(self.addresses.values()))

    def on_peer_port(self, of: str, certificate: str) -> int:
        """What a member answers a question on its peers' port: HTTP's status; 0 is no answer."""
        return self.http(2380, certificate, "/members", of)

    def http(
        self, port: int, certificate: str, path: str, of: str = "machine-1", body: str = ""
    ) -> int:
        """Status of an answer; 0 if there is none. Without a certificate if that is empty."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            own = self.folder / certificate
            context.load_cert_chain(f"{own}.crt", f"{own}.key")
        connection = http.client.HTTPSConnection(self.addresses[of], port, context=context)
        try:
            connection.request("POST" if body else "GET", path, body)
            return connection.getresponse().status
        except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
            return 0
        finally:
            connection.close()


def as_root(etcd: EtcdCluster) -> Etcdctl:
    """The set-up's `etcdctl`, with files of this computer."""

    def run(*command: str, env: Mapping[str, str] | None = None) -> str:
        assert env, "the files of a machine"
        return etcd.etcdctl("root", *command[4:])

    return Etcdctl(run)


@contextmanager
def running(made: EtcdCluster) -> Generator[EtcdCluster]:
    """Ends all of its members at the end."""
    try:
        yield made
    finally:
        for member in made.members.values():
            member.stop()
