"""The cloud-config that makes an EC2 instance of Debian a machine of the cluster. Pure."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import yaml

LIMIT = 16384
"""Bytes of user data that EC2 takes."""
PACKAGES = [
    "systemd",
    "systemd-sysv",
    "systemd-resolved",
    "dbus",
    "openssh-server",
    "sudo",
    "docker.io",
    "docker-cli",
    "iptables",
    "podman",
    "crun",
    "netavark",
    "aardvark-dns",
    "catatonit",
    "python3",
    "python3-grpcio",
    "python3-protobuf",
    "python3-dbus-fast",
    "python3-h2",
    "ca-certificates",
    "curl",
    "iproute2",
    "less",
    "procps",
    "age",
    "systemd-journal-remote",
    "haproxy",
]
"""What machine_image/Dockerfile installs too."""
DOCKER_CLI = "docker-cli"
"""Of them, what Debian 12 does not know: its docker.io has the command itself. Asked for with the
others, nothing at all would be installed there."""
AWS_PACKAGES = ["amazon-ecr-credential-helper"]
NO_METADATA = "[Scope]\nIPAddressDeny=169.254.169.254 fd00:ec2::254\n"
"""Of each container of Docker, whatever its network is: it gets no answer from the instance's
metadata, and so not the rights of its role."""
UPGRADES = "[Timer]\nOnCalendar=\nOnCalendar=daily\nRandomizedDelaySec=24h\nFixedRandomDelay=yes\n"
"""When Debian's security updates are installed: each machine has its own time of the day, so that
Docker is not restarted on all of them at once."""
ETCD_VOLUME = """\
set -eu
root=$(lsblk --noheadings --paths --output=PKNAME "$(findmnt --noheadings --output=SOURCE /)")
disk=/dev/xvdf
if ! test -b "$disk"; then  # Where volumes are NVMe devices, their names say nothing.
    disk=$(lsblk --nodeps --noheadings --paths --output=NAME,MODEL |
        awk -v root="$root" '/Amazon Elastic Block Store/ && $1 != root { print $1 }')
fi
if ! test -b "$disk"; then
    echo "etcd's volume is not one of: $(lsblk --nodeps --paths)" >&2
    exit 1
fi
blkid "$disk" >/dev/null || mkfs.ext4 -q -L etcd "$disk"
mkdir -p /var/lib/etcd
mount /var/lib/etcd
"""
"""Makes a file system on the volume for etcd's data and mounts it, once; fstab does afterwards."""
ETCD_FSTAB = "LABEL=etcd /var/lib/etcd ext4 nofail,x-systemd.device-timeout=60 0 2"
"""Without the volume the machine boots all the same, and etcd.service, whose StateDirectory= this
is, does not start: it would begin anew beside it."""
JOURNALD = "[Journal]\nStorage=persistent\nSystemMaxUse=1G\nRuntimeMaxUse=64M\n"


@dataclass(frozen=True)
class Instance:
    """What one instance's user data says."""

    name: str
    """Its host name: machine-1."""
    domain: str
    """What follows the host name in its full name."""
    authorized_key: str
    """Who may log in, as user core."""
    first_host_key: str
    """The private host key for first contact, OpenSSH form: replaced as soon as it was used."""
    first_host_key_public: str
    """Its public half."""
    registry: str
    """The ECR registry that the instance's role pulls from."""
    has_etcd_volume: bool = False
    """Whether etcd's data have a volume of their own."""


def user_data(machine: Instance, files: Path) -> str:
    """The cloud-config.

    Args:
        machine: what is different from machine to machine.
        files: a folder with system files, as machine_image/files.

    Raises:
        pulumi.RunError: it is longer than EC2 takes.
    """
    text = "#cloud-config\n" + yaml.dump(
        cloud_config(machine, files), Dumper=_Dumper, sort_keys=False, width=1000
    )
    length = len(text.encode())
    if length > LIMIT:
        raise pulumi.RunError(
            f"user data of {machine.name}: it has {length} bytes; EC2 takes at most {LIMIT}. "
            f"Make the files in {files} shorter."
        )
    return text


def cloud_config(machine: Instance, files: Path) -> dict[str, Any]:
    """The cloud-config as an object."""
    return {
        "hostname": machine.name,
        "fqdn": f"{machine.name}.{machine.domain}",
        "prefer_fqdn_over_hostname": False,
        "manage_etc_hosts": "localhost",
        "groups": ["docker", "fleet"],
        "users": [
            {
                "name": "core",
                "shell": "/bin/bash",
                "groups": ["docker", "fleet", "sudo", "systemd-journal"],
                "lock_passwd": True,
                "ssh_authorized_keys": [machine.authorized_key.strip()],
            }
        ],
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_keys": {
            "ed25519_private": machine.first_host_key.strip() + "\n",
            "ed25519_public": machine.first_host_key_public.strip(),
        },
        "growpart": {"mode": "auto", "devices": ["/"]},
        "resize_rootfs": True,
        "write_files": [
            *_files(files),
            _file("/etc/systemd/journald.conf.d/fleet.conf", JOURNALD),
            _file("/etc/systemd/system/docker-.scope.d/fleet.conf", NO_METADATA),
            _file("/etc/systemd/system/apt-daily-upgrade.timer.d/fleet.conf", UPGRADES),
            _file("/root/.docker/config.json", _docker_config(machine.registry), "0600"),
        ],
        "apt": {"conf": 'APT::Install-Recommends "false";\nAcquire::Retries "5";\n'},
        "package_update": True,
        "packages": [name for name in (*PACKAGES, *AWS_PACKAGES) if name != DOCKER_CLI],
        "runcmd": [
            ["sh", "-c", f"command -v docker || apt-get install --yes {DOCKER_CLI}"],
            *(_etcd_commands() if machine.has_etcd_volume else ()),
            ["systemctl", "disable", "--now", "haproxy.service"],
            ["systemctl", "daemon-reload"],
            ["systemctl", "restart", "systemd-journald.service"],
            ["systemctl", "restart", "docker.service"],
            ["sed", "-i", "1i . /etc/profile.d/fleet.sh\\n", "/home/core/.bashrc"],
        ],
    }


def _etcd_commands() -> list[list[str]]:
    return [["sh", "-c", f"echo '{ETCD_FSTAB}' >>/etc/fstab"], ["sh", "-c", ETCD_VOLUME]]


def _files(folder: Path) -> list[dict[str, str]]:
    """The system files that a container of the dev stack has too, below /etc."""
    etc = folder / "etc"
    return [
        _file(f"/{path.relative_to(folder)}", path.read_text(), _mode(path))
        for path in sorted(etc.rglob("*"))
        if path.is_file() and "journald.conf.d" not in path.parts
    ]


def _mode(path: Path) -> str:
    return "0440" if path.parent.name == "sudoers.d" else "0644"


def _file(path: str, content: str, mode: str = "0644") -> dict[str, str]:
    return {"path": path, "permissions": mode, "content": content}


def _docker_config(registry: str) -> str:
    return f'{{"credHelpers": {{"{registry}": "ecr-login"}}}}\n'


class _Dumper(yaml.SafeDumper):
    """Text of several lines as a block, so that it can be read."""


def _text(_: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
