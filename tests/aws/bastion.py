"""A bastion: an SSH server in the VPC, through which machines without a public address are met."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.aws.amazon import BASTION_OFFSET, Amazon
from tests.aws.machines import LABEL, docker

USER = "jump"
CONFIG = """\
HostKey /bastion/host
AuthorizedKeysFile /bastion/user.pub
StrictModes no
PasswordAuthentication no
UsePAM yes
"""
START = f"""
useradd --create-home {USER} && mkdir -p /run/sshd && chown -R root:root /bastion
exec /usr/sbin/sshd -D -e -f /bastion/sshd_config
"""


@dataclass(frozen=True)
class Bastion:
    """Where it is, and what it takes to pass."""

    address: str
    host_key: str
    private_key: str


@contextmanager
def running(cloud: Amazon, folder: Path) -> Generator[Bastion]:
    """A bastion, until the block ends."""
    folder.mkdir()
    for key in ("host", "user"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(make, check=True)
    (folder / "sshd_config").write_text(CONFIG)
    name, address = f"{cloud.session}-bastion", str(cloud.addresses[BASTION_OFFSET])
    try:
        docker(
            "create", f"--name={name}", f"--label={LABEL}={cloud.session}",
            f"--network={cloud.session}", f"--ip={address}", cloud.image, "sh", "-c", START,
        )  # fmt: skip
        docker("cp", str(folder), f"{name}:/bastion")
        docker("start", name)
        yield Bastion(address, (folder / "host.pub").read_text(), (folder / "user").read_text())
    finally:
        docker("rm", "--force", "--volumes", name, check=False)
