"""Control groups of a machine in a container, whatever versions of them its computer has."""

from collections.abc import Iterator

import pytest

from tests.aws.machines import SYSTEMD, docker
from tests.cluster.stack import Stack, eventually


@pytest.fixture
def machine(cluster: Stack) -> Iterator[str]:
    """A machine of the cluster's image alone, which takes v2 for good enough as it is."""
    image = docker("inspect", "--format={{.Image}}", cluster.container("machine-1"))
    started = docker("run", "--detach", "--env=CONTROLLERS= ", *SYSTEMD, image)
    yield started
    docker("rm", "--force", "--volumes", started)


def test_systemd_and_docker_run_on_v2_alone(machine: str):
    """What there is on this computer may be v1 too: a newer systemd would not take it."""

    def says(*command: str) -> str:
        return docker("exec", machine, *command, check=False)

    states = ("running", "degraded")
    eventually("it is up", lambda: says("systemctl", "is-system-running") in states)
    assert says("systemctl", "is-active", "docker.service") == "active"
    assert says("stat", "--file-system", "--format=%T", "/sys/fs/cgroup") == "cgroup2fs"
    assert says("awk", '$3 == "cgroup" { print $2 }', "/proc/mounts") == ""
    assert says("docker", "info", "--format={{.CgroupVersion}}") == "2"
