"""Control groups of a machine in a container, whatever versions of them its computer has."""

from collections.abc import Callable, Iterator

import pytest

from fleet_cluster.providers.aws.cloud_config import NO_METADATA
from tests.aws.machines import SYSTEMD, docker
from tests.cluster.stack import Stack, eventually

Says = Callable[..., str]
METADATA = "169.254.169.254"
NETWORKS = ["--network=host", "--network=bridge", "--network=host --cgroup-parent=own.slice"]


@pytest.fixture
def machine(cluster: Stack) -> Iterator[str]:
    """A machine of the cluster's image alone, which takes v2 for good enough as it is."""
    image = docker("inspect", "--format={{.Image}}", cluster.container("machine-1"))
    started = docker("run", "--detach", "--env=CONTROLLERS= ", *SYSTEMD, image)
    yield started
    docker("rm", "--force", "--volumes", started)


@pytest.fixture
def says(machine: str) -> Says:
    """What a command prints on the machine, which is up."""

    def says(*command: str) -> str:
        return docker("exec", machine, *command, check=False)

    states = ("running", "degraded")
    eventually("it is up", lambda: says("systemctl", "is-system-running") in states, 180)
    return says


def test_systemd_and_docker_run_on_v2_alone(says: Says):
    """What there is on this computer may be v1 too: a newer systemd would not take it."""
    assert says("systemctl", "is-active", "docker.service") == "active"
    assert says("stat", "--file-system", "--format=%T", "/sys/fs/cgroup") == "cgroup2fs"
    assert says("awk", '$3 == "cgroup" { print $2 }', "/proc/mounts") == ""
    assert says("docker", "info", "--format={{.CgroupVersion}}") == "2"


def test_what_an_instance_on_aws_has_keeps_its_metadata_from_containers(says: Says):
    """On v2 Docker has systemd make its groups, as there: units that a drop-in is for."""
    assert says("docker", "info", "--format={{.CgroupDriver}}") == "systemd"
    says("sh", "-c", "tar -cT /dev/null | docker import - none")
    says("ip", "address", "add", f"{METADATA}/32", "dev", "lo")
    serve = f"python3 -m http.server --directory=/srv --bind={METADATA} 80"
    says("systemd-run", "--unit=metadata.service", *serve.split())

    def ask(*inside: str) -> bool:
        asked = f"curl --silent --max-time 2 http://{METADATA}/"
        return "Directory listing" in says(*inside, *asked.split())

    def ask_from_container(network: str) -> bool:
        programs = [f"--volume=/{folder}:/{folder}:ro" for folder in ("usr", "lib", "lib64")]
        return ask("docker", "run", "--rm", *network.split(), *programs, "none")

    eventually("the stand-in answers", ask)
    # Tried again: curl gives up soon, and a container's start may be slow.
    for network in NETWORKS:
        eventually(f"{network} lets it through", lambda one=network: ask_from_container(one))
    folder = "/etc/systemd/system/docker-.scope.d"
    says("sh", "-c", f"mkdir {folder} && printf '{NO_METADATA}' >{folder}/fleet.conf")
    says("systemctl", "daemon-reload")
    assert [ask_from_container(network) for network in NETWORKS] == [False, False, False]
    eventually("the machine itself is answered", ask)
