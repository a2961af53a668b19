"""User data: the text that makes a machine of an instance."""

import re
from pathlib import Path

import pulumi
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.providers.aws.cloud_config import LIMIT, PACKAGES, Instance, user_data
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
