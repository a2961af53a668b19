"""User data: the text that makes a machine of an instance."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pulumi
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.providers.aws.cloud_config import (
    ETCD_VOLUME,
    LIMIT,
    PACKAGES,
    Instance,
    user_data,
)
from tests.checkout import LIBRARY

IMAGE = LIBRARY / "fleet_cluster/providers/machine_image"
GOLDEN = Path(__file__).with_name("cloud_config.yaml")
MACHINE = Instance(
    name="machine-1",
    domain="prod.fleet-cluster.internal",
    authorized_key="ssh-ed25519 AAAA1",
    first_host_key="first\nhost\nkey",
    first_host_key_public="ssh-ed25519 AAAA2",
    registry="123456789012.dkr.ecr.eu-central-1.amazonaws.com",
)


def test_the_text_is_as_it_was():
    """Write it anew with: python -m tests.unit.providers.aws.test_cloud_config."""
    assert user_data(MACHINE, IMAGE / "files") == GOLDEN.read_text()


def test_an_instance_gets_the_packages_of_the_machine_image():
    dockerfile = (IMAGE / "Dockerfile").read_text()
    found = re.search(r"--no-install-recommends \\\n(.*?)&&", dockerfile, re.DOTALL)
    assert found
    assert found[1].replace("\\", "").split() == PACKAGES


def written(path: str) -> str:
    """A file that the instance gets."""
    config = yaml.safe_load(user_data(MACHINE, IMAGE / "files"))
    (found,) = [file["content"] for file in config["write_files"] if file["path"] == path]
    return found


def test_each_instance_has_its_own_time_for_debians_updates():
    """Else Docker, if it is one of them, is restarted on all within the hour."""
    timer = written("/etc/systemd/system/apt-daily-upgrade.timer.d/fleet.conf").splitlines()
    # Debian's own moment is taken back, and systemd adds what it makes of the machine's id.
    assert timer == ["[Timer]", "OnCalendar=", "OnCalendar=daily", "RandomizedDelaySec=24h",
                     "FixedRandomDelay=yes"]  # fmt: skip


def test_no_container_gets_an_answer_of_the_instances_metadata():
    """Also one on the instance's own network, and in a slice of its own: Docker names the scope."""
    scope = written("/etc/systemd/system/docker-.scope.d/fleet.conf").splitlines()
    assert scope == ["[Scope]", "IPAddressDeny=169.254.169.254 fd00:ec2::254"]


def test_etcds_volume_is_mounted_before_etcd_is_there_and_etcd_never_starts_without_it():
    text = user_data(replace(MACHINE, has_etcd_volume=True), IMAGE / "files")
    config = yaml.safe_load(text)
    commands = [" ".join(command) for command in config["runcmd"]]
    fstab, made, reloaded = (
        next(n for n, one in enumerate(commands) if what in one)
        for what in ("/etc/fstab", "mkfs.ext4 -q -L etcd", "daemon-reload")
    )
    # If it cannot be made, fstab has it all the same, and so etcd does not start.
    assert fstab < made < reloaded
    assert "nofail" in commands[fstab] and " /var/lib/etcd ext4 " in commands[fstab]
    service = LIBRARY / "fleet_cluster/fleet/setup/services/etcd.service"
    assert "\nStateDirectory=etcd\n" in service.read_text(), "systemd requires its mount"


NITRO = """\
nvme1n1 Amazon Elastic Block Store
nvme0n1 Amazon Elastic Block Store
nvme2n1 Amazon EC2 NVMe Instance Storage"""


@pytest.mark.parametrize(
    ("disks", "made"),
    [
        (NITRO, "nvme1n1"),
        (f"xvda\nxvdf\n{NITRO}", "xvdf"),
        (f"{NITRO}\nnvme3n1 Amazon Elastic Block Store", ""),
        ("nvme0n1 Amazon Elastic Block Store", ""),
    ],
    ids=["Nitro", "Xen", "one more", "none"],
)
def test_etcds_file_system_is_made_on_its_volume_and_on_no_other(
    disks: str, made: str, tmp_path: Path
):
    """`disks`: by name, with their models. Of several it is not known which is etcd's."""
    devices, ran = tmp_path / "dev", tmp_path / "ran"
    names = " ".join(line.split()[0] for line in disks.splitlines())
    (tmp_path / "disks").write_text("".join(f"{devices}/{line}\n" for line in disks.splitlines()))
    programs = {
        "lsblk": f"case $* in *PKNAME*) echo {devices}/nvme0n1;; *) cat {tmp_path}/disks;; esac",
        "findmnt": "echo /dev/root",
        "test": f'for name in {names}; do [ "$2" = {devices}/$name ] && exit; done; false',
        "blkid": "false",
        "mkfs.ext4": f'echo "$@" >>{ran}',
        "mount": f'echo "mount $@" >>{ran}',
        "mkdir": "true",
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    # The shell's own `test` would look at this computer's disks.
    script = ETCD_VOLUME.replace("/dev/", f"{devices}/").replace("test -b", f"{tmp_path}/test -b")
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True)
    told = ran.read_text() if ran.exists() else ""
    assert told == (f"-q -L etcd {devices}/{made}\nmount /var/lib/etcd\n" if made else "")
    assert (done.returncode == 0) == bool(made), done.stderr
    assert bool(made) or "etcd's volume is not one of" in done.stderr


@given(st.text(alphabet="abcdefgh-", min_size=1, max_size=60))
def test_any_name_arrives_and_the_text_stays_yaml(name: str):
    machine = Instance(name, "d", "key", "a\nb\n", "c", "registry")
    config = yaml.safe_load(user_data(machine, IMAGE / "files"))
    assert config["hostname"] == name
    assert config["ssh_keys"]["ed25519_private"] == "a\nb\n"
    assert config["ssh_pwauth"] is False
    assert config["users"][0]["lock_passwd"] is True


def test_more_than_ec2_takes_is_refused(tmp_path: Path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/big").write_text("x" * LIMIT)
    with pytest.raises(pulumi.RunError, match=f"EC2 takes at most {LIMIT}"):
        user_data(MACHINE, tmp_path)


if __name__ == "__main__":
    GOLDEN.write_text(user_data(MACHINE, IMAGE / "files"))
