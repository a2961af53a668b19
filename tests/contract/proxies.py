"""The way to an app as the cluster has it: HAProxy, nginx, its pool and an etcd, in containers.

nginx's containers, etcd and the apps share one loopback. The images stay as caches: the cluster's
own are made of the same layers.
"""

from __future__ import annotations

import fcntl
import io
import secrets
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fleet_cluster._etcd_release import VERSION, etcd_archive
from fleet_cluster.fleet.model.keys import ROOT, name_key
from fleet_cluster.fleet.model.service_records import ServiceRecord
from fleet_cluster.fleet.setup.etcd_release import unpack
from fleet_cluster.images import own_processor
from fleet_cluster.providers.docker.haproxy_config import haproxy_config
from fleet_cluster.providers.docker.provider import IMAGES, MACHINE_IMAGE
from tests.checkout import CHECKOUT

IDLE_SECONDS = 6
"""How long who is asked may be silent, if it is no stream."""
FINISH_SECONDS = 3
"""How long requests may take when nginx stops."""
CONTEXTS = {
    "machine": MACHINE_IMAGE,
    "nginx": CHECKOUT / "images" / "nginx",
    "nginx-pool": CHECKOUT / "images" / "nginx-pool",
    "haproxy": IMAGES / "haproxy",
}
RELOADING = "/run/reload-pool.lock"
"""Locked by reload-pool as long as it works."""
SECONDS = 60
LABEL = "fleet-cluster-contract"
# As images/nginx-pool has it, but that etcd asks for no certificate.
CONFD = 'backend = "etcdv3"\nlog-level = "warn"\n'


@dataclass(frozen=True)
class Proxies:
    """Containers that run, and where they are asked."""

    name: str
    url: str
    """HAProxy's."""

    def etcdctl(self, *arguments: str, stdin: str = "") -> str:
        """`etcdctl`."""
        ask = ["exec", "-i", f"{self.name}-loopback", "etcdctl"]
        return docker(*ask, *arguments, stdin=stdin)

    def put(self, key: str, value: str) -> None:
        """Put any text; etcdctl takes all but an empty one on stdin."""
        self.etcdctl("put", "--", key, *([] if value else [""]), stdin=value)

    def register(self, name: str, server: str) -> None:
        """Have a server found, as fleet's leader does; `name` tells it from others."""
        host, _, port = server.rpartition(":")
        record = ServiceRecord(host.strip("[]"), f"{name}.service", "a" * 32, int(port))
        self.put(name_key("sinatra", name), record.to_json())

    def forget(self, name: str) -> None:
        """Have it found no more."""
        self.etcdctl("del", "--", name_key("sinatra", name))

    def forget_all(self) -> None:
        """Delete all that the pool is made of."""
        for prefix in (ROOT, "/app/"):
            self.etcdctl("del", "--prefix", prefix)

    def start_app(self, port: int) -> None:
        """Run an app on the loopback, of which nobody is told yet."""
        docker("exec", "--detach", f"{self.name}-loopback", "python3", "/app.py", str(port))

    def pool(self) -> list[str]:
        """What nginx serves."""
        ask = ["curl", "--silent", "--header", "Host: pool", "127.0.0.1"]
        return docker("exec", f"{self.name}-loopback", *ask).split()

    def wait_for_pool(self, *servers: str) -> None:
        """Until nginx serves these, in whichever order, and no worker another pool."""
        wait(f"the pool is {servers}", lambda: self._is_served(servers), self.log)

    def _is_served(self, servers: Collection[str]) -> bool:
        """One worker says so; of those before the reload, none answers when that has ended."""
        told = self.pool()
        self.nginx("flock", RELOADING, "true")
        return sorted(told) == sorted(servers)

    def log(self) -> str:
        """What the units of nginx and its pool would have in their journals."""
        return "".join(docker("logs", f"{self.name}-{one}") for one in ("pool", "nginx"))

    def nginx(self, *command: str) -> str:
        """Run a command in nginx's container."""
        return docker("exec", f"{self.name}-nginx", *command)

    def running_in_nginx(self, *command: str) -> subprocess.Popen[str]:
        """The same, while the test goes on."""
        run = ["docker", "exec", f"{self.name}-nginx", *command]
        return subprocess.Popen(run, stdout=subprocess.PIPE, text=True)

    def kept_pool(self) -> str:
        """What nginx-pool has rendered last."""
        return docker("exec", f"{self.name}-pool", "cat", "/var/lib/pool/pool.conf")

    def replace_pool(self, text: str) -> None:
        """Give nginx another pool than etcd has."""
        put = 'echo "$1" >/var/lib/pool/pool.conf.new; cd /var/lib/pool; mv pool.conf.new pool.conf'
        docker("exec", f"{self.name}-pool", "sh", "-c", put, "sh", text)

    @contextmanager
    def etcd_away(self) -> Generator[None]:
        """etcd stands still; it is the first process of its container, whose others go on."""
        docker("kill", "--signal", "STOP", f"{self.name}-loopback")
        try:
            yield
        finally:
            docker("kill", "--signal", "CONT", f"{self.name}-loopback")

    def start_pool(self) -> None:
        """Start what keeps the pool again, as its unit does: until nginx may start."""
        docker("start", f"{self.name}-pool")
        ready = lambda: docker("exec", f"{self.name}-pool", "test", "-e", "/tmp/ready") == ""  # noqa: E731, S108
        wait("the pool is ready", ready, self.log)

    def stop_pool(self) -> None:
        """Stop what keeps the pool; nginx goes on."""
        docker("stop", "--time", "5", f"{self.name}-pool")

    def start_nginx(self) -> list[str]:
        """Start it again: the first pool that it serves."""
        docker("start", f"{self.name}-nginx")
        first: list[list[str]] = []
        wait("nginx answers", lambda: first.append(self.pool()) is None, self.log)
        return first[0]

    def renew_nginx(self) -> list[str]:
        """Start it in another container: the first pool that it serves."""
        self.stop_nginx()
        docker("rm", f"{self.name}-nginx")
        make_nginx(self.name, f"{LABEL}-nginx")
        return self.start_nginx()

    def stop_nginx(self) -> int:
        """Stop it as units/nginx.service does; its exit status."""
        docker("stop", "--time", "35", f"{self.name}-nginx")
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", f"{self.name}-nginx"))


@contextmanager
def running() -> Generator[Proxies]:
    """All of them, with an empty pool; gone at the end."""
    images = built("machine", "nginx", "nginx-pool", "haproxy")
    name = f"{LABEL}-{secrets.token_hex(4)}"
    try:
        app = (CHECKOUT / "tests" / "streams" / "app.py").read_bytes()
        files = {"/app.py": app, **etcd_programs()}
        make(f"{name}-loopback", images["machine"], files, "--entrypoint=etcd")
        address = docker(
            "inspect", "--format", "{{.NetworkSettings.IPAddress}}", f"{name}-loopback"
        ).strip()
        make(
            f"{name}-pool",
            images["nginx-pool"],
            {"/etc/confd/confd.toml": CONFD.encode()},
            "--init",
            "--cap-drop=ALL",
            "--tmpfs=/tmp",
            f"--network=container:{name}-loopback",
            "--env=ETCDCTL_ENDPOINTS=127.0.0.1:2379",
            f"--env=IDLE_SECONDS={IDLE_SECONDS}",
            f"--volume={name}-pool:/var/lib/pool",
        )
        make_nginx(name, images["nginx"])
        files = {"/etc/haproxy/haproxy.cfg": haproxy_config([address], IDLE_SECONDS).encode()}
        make(f"{name}-haproxy", images["haproxy"], files, "--publish=127.0.0.1::80")
        port = docker("port", f"{name}-haproxy", "80").strip().rpartition(":")[2]
        proxies = Proxies(name, f"http://127.0.0.1:{port}")
        wait("nginx answers", lambda: proxies.pool() == [], proxies.log)
        yield proxies
    finally:
        docker("rm", "--force", "--volumes", *containers(name))
        docker("volume", "rm", "--force", f"{name}-pool", f"{name}-requests")


def make_nginx(name: str, image: str) -> None:
    """Start nginx in a container that is made anew, as its unit does."""
    make(
        f"{name}-nginx",
        image,
        {},
        # As nginx's unit: while its pool is not there yet, it ends.
        "--restart=on-failure",
        f"--network=container:{name}-loopback",
        f"--env=FINISH_SECONDS={FINISH_SECONDS}",
        f"--volume={name}-requests:/var/lib/nginx",
        f"--volume={name}-pool:/var/lib/pool:ro",
    )


def built(*names: str) -> dict[str, str]:
    """These images: their tags. One process at a time builds."""
    tags = {name: f"{LABEL}-{name}" for name in names}
    with (Path(tempfile.gettempdir()) / f"{LABEL}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, tag in tags.items():
            docker("build", "--quiet", "--tag", tag, str(CONTEXTS[name]), seconds=900)
    return tags


def etcd_programs() -> dict[str, bytes]:
    """Those of the etcd that machines have, by path: no image has it."""
    names = ["etcd", "etcdctl"]
    with tempfile.TemporaryDirectory() as folder:
        unpack(etcd_archive(own_processor()), VERSION, Path(folder), names)
        return {f"/usr/local/bin/{name}": (Path(folder) / name).read_bytes() for name in names}


def make(name: str, image: str, files: Mapping[str, bytes], *options: str) -> None:
    """Start a container in which these files are others."""
    docker("create", "--name", name, *options, image)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.removeprefix("/"))
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    subprocess.run(["docker", "cp", "-", f"{name}:/"], input=archive.getvalue(), check=True)
    docker("start", name)


def containers(name: str) -> list[str]:
    """Those whose names begin so; the one whose loopback is shared comes last."""
    listed = docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"name=^{name}-").split()
    return sorted(listed, key=lambda one: one.endswith("-loopback"))


def docker(*arguments: str, stdin: str = "", seconds: int = SECONDS) -> str:
    """`docker`: what it prints; a failure fails the test."""
    done = subprocess.run(
        ["docker", *arguments], input=stdin, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, f"docker {arguments}: {done.stdout}{done.stderr}"
    return done.stdout + (done.stderr if arguments[0] == "logs" else "")


def wait(what: str, holds: Callable[[], bool], say: Callable[[], str]) -> None:
    """Ask until it holds; the limit only keeps a failing test from hanging."""
    deadline = time.monotonic() + SECONDS
    while not attempt(holds):
        assert time.monotonic() < deadline, f"{what}: not within {SECONDS} s\n{say()}"
        time.sleep(0.2)


def attempt(holds: Callable[[], bool]) -> bool:
    """Whether it holds; not, if asking fails."""
    try:
        return holds()
    except AssertionError:
        return False
