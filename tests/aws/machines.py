"""Machines that stand for EC2 instances: containers with systemd, booted by real cloud-init.

What is changed of cloud-init for this: it finds the user data on its disk (NoCloud), not at EC2's
metadata address; it leaves the network and the sources of packages as they are.
"""

import io
import json
import subprocess
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleet_cluster.providers.docker.machine import CAPABILITIES, UNCONFINED

LABEL = "fleet-cluster-aws-test"
CLOUD_INIT = """\
datasource_list: [NoCloud]
network: {config: disabled}
apt: {preserve_sources_list: true}
locale: false
"""
CREDENTIAL_HELPER = """\
#!/bin/sh
# Stands for Amazon's helper, which asks Amazon: the answer is what moto's token says.
cat >/dev/null
echo '{"ServerURL": "https://%(registry)s", "Username": "AWS", "Secret": "%(password)s"}'
"""


@dataclass(frozen=True)
class Land:
    """Where machines are made."""

    session: str
    """Whose they are: the value of their label."""
    network: str
    """A Docker network with the addresses of the VPC."""
    internet: str
    """Another one, with the elastic addresses."""
    elastic: str
    """Its addresses, as a CIDR."""
    image: str
    """What they boot."""
    registry: str
    """The registry's address."""
    password: str
    """What the registry asks of user AWS."""
    authority: str
    """The certificate that the registry's own is signed with."""
    log: str
    """The file that tells when machines started and stopped."""


@dataclass(frozen=True)
class Event:
    """Something that was done to a machine."""

    at: float
    """Seconds since 1970."""
    what: str
    """started or stopped"""
    instance: str
    address: str


def docker(*arguments: str, stdin: bytes = b"", check: bool = True) -> str:
    """The docker command line: what it prints."""
    done = subprocess.run(["docker", *arguments], input=stdin, capture_output=True)
    told = done.stderr.decode()
    if check and done.returncode:
        raise RuntimeError(f"docker {' '.join(arguments)} exited {done.returncode}: {told}")
    return done.stdout.decode().strip()


class Machines:
    """Makes instances real. A container is named after its instance, and lives as long."""

    def __init__(self, land: Land) -> None:
        """Nothing is made yet."""
        self._land = land

    def boot(self, instance: str, address: str, public: str, user_data: bytes) -> None:
        """Make and start the machine of a new instance; public: its elastic address, or empty."""
        private_name = f"ip-{address.replace('.', '-')}"
        docker(
            "create",
            f"--name={instance}",
            f"--hostname={private_name}",
            f"--label={LABEL}={self._land.session}",
            f"--network={self._land.network}",
            f"--ip={address}",
            *SYSTEMD,
            self._land.image,
        )
        if public:
            docker("network", "connect", f"--ip={public}", self._land.internet, instance)
        meta_data = json.dumps({"instance-id": instance, "local-hostname": private_name})
        docker("cp", "-", f"{instance}:/", stdin=_archive(self._files(user_data, meta_data)))
        self.start(instance, address)

    def start(self, instance: str, address: str) -> None:
        """Start a machine that is there."""
        docker("start", instance)
        self._note("started", instance, address)

    def stop(self, instance: str, address: str) -> None:
        """Stop a machine; its disk stays."""
        self._note("stopped", instance, address)
        docker("stop", "--time=30", instance)

    def remove(self, instance: str, address: str) -> None:
        """Remove a machine, its disk too; one that is gone already is no error."""
        self._note("stopped", instance, address)
        docker("rm", "--force", "--volumes", instance, check=False)

    def _files(self, user_data: bytes, meta_data: str) -> Mapping[str, tuple[int, bytes]]:
        land = self._land
        helper = CREDENTIAL_HELPER % {"registry": land.registry, "password": land.password}
        return {
            "var/lib/cloud/seed/nocloud/user-data": (0o600, user_data),
            "var/lib/cloud/seed/nocloud/meta-data": (0o600, meta_data.encode()),
            "etc/cloud/cloud.cfg.d/99_test.cfg": (0o644, CLOUD_INIT.encode()),
            f"etc/docker/certs.d/{land.registry}/ca.crt": (0o644, land.authority.encode()),
            # Before the real one on PATH, which is installed too.
            "usr/local/bin/docker-credential-ecr-login": (0o755, helper.encode()),
        }

    def _note(self, what: str, instance: str, address: str) -> None:
        event = {"at": time.time(), "what": what, "instance": instance, "address": address}
        with Path(self._land.log).open("a") as log:
            log.write(json.dumps(event) + "\n")


def events(log: Path) -> Sequence[Event]:
    """What happened to machines so far, in order."""
    return [Event(**json.loads(line)) for line in log.read_text().splitlines()]


SYSTEMD = (
    "--cgroupns=private",
    "--tmpfs=/run:exec,mode=755",
    "--tmpfs=/run/lock",
    "--tmpfs=/tmp:exec,mode=1777",
    *(f"--cap-add={name}" for name in CAPABILITIES),
    *(f"--security-opt={option}" for option in UNCONFINED),
)
"""How systemd runs in a container that is not privileged, as in components/hosts/docker.py."""


def _archive(files: Mapping[str, tuple[int, bytes]]) -> bytes:
    """A tar of files by path, each with its mode."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for path, (mode, data) in files.items():
            entry: Any = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    return content.getvalue()
