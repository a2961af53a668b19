"""The components in another program than this checkout's: one machine, one unit of its own."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.stack import CHECKOUT, Stack, copy_program, eventually

PROGRAM = '''
"""A cluster of one machine for the unit tick.service."""

import pulumi
import pulumi_tls as tls
from fleet_cluster.cluster import Cluster
from fleet_cluster.providers.docker.machine import DockerMachine, machine_address
from fleet_cluster.providers.docker.network import DockerNetwork
from fleet_cluster.images import Image
from fleet_cluster.keys import EtcdKeys
from fleet_cluster.ssh_config import SshConfig
from fleet_cluster.units import FleetUnit

images = pulumi.Config().require("images")
network = DockerNetwork("network", {{}})
key = tls.PrivateKey("core-ssh", algorithm="ED25519")
machine = DockerMachine(
    "machine-1",
    {{
        "network": network.shape,
        "number": 1,
        "image": Image("machine", {{"context": f"{{images}}/machine"}}).reference,
        "ssh_key": {{"private_key": key.private_key_openssh, "public_key": key.public_key_openssh}},
        "metadata": {{"role": "clock"}},
    }},
)
cluster = Cluster(
    "cluster",
    {{"members": [machine_address(network.shape, 1)], "hosts": [machine.shape]}},
    pulumi.ResourceOptions(deleted_with=network),
)
in_cluster = pulumi.ResourceOptions(depends_on=cluster.ready, deleted_with=network)
EtcdKeys(
    "keys", {{"connection": cluster.connection, "keys": {{"/app/tick": "tock"}}}}, in_cluster
)
tick = FleetUnit(
    "tick", {{"connection": cluster.connection, "path": "{unit}"}}, in_cluster
)
ssh = SshConfig("ssh", {{"hosts": cluster.hosts, "folder": "{ssh}"}})
pulumi.export("units", tick.placements)
'''

UNIT = """
[Unit]
Description=Says what it found in etcd

[Service]
EnvironmentFile=/etc/fleet/environment
ExecStart=/bin/sh -c 'etcdctl get --print-value-only /app/tick; exec sleep infinity'

[X-Fleet]
MachineMetadata=role=clock
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of a program that someone else wrote."""
    folder = tmp_path_factory.mktemp("own")
    program = folder / "program"
    program.mkdir()
    stack = Stack(
        f"test-{secrets.token_hex(4)}", program, folder / "state", {"PYTHONPATH": str(CHECKOUT)}
    )
    (program / "Pulumi.yaml").write_text(
        "name: someone-else\n"
        "runtime: {name: python, options: {toolchain: pip, virtualenv: .venv}}\n"
    )
    (program / ".venv").symlink_to(CHECKOUT / ".venv")
    (program / "tick.service").write_text(UNIT)
    ssh_folder = f".pulumi/ssh/{stack.name}"
    (program / "__main__.py").write_text(PROGRAM.format(unit="tick.service", ssh=ssh_folder))
    stack.create({"images": str(CHECKOUT / "images")})
    try:
        yield stack
    finally:
        stack.destroy()
        assert stack.docker_objects() == []


PULUMI_DESTROY = ("pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive")


def test_another_program_makes_a_cluster_of_the_components(own: Stack):
    own.up()
    assert own.outputs()["units"] == {"tick.service": "machine-1"}
    [row] = own.units()["tick.service"]
    assert (row["active"], row["sub"]) == ("active", "running")
    journal = "fleetctl journal tick.service"
    eventually("it found its key", lambda: "tock" in own.run(*journal.split()).out)
    assert own.changes() == {}


def test_destroy_does_not_wait_for_a_dead_machine(own: Stack):
    own.up()
    own.run("docker", "kill", own.container("machine-1"))
    own.run(*PULUMI_DESTROY)
    assert own.docker_objects() == []


def test_other_languages_can_use_the_components(tmp_path: Path):
    program = copy_program(tmp_path / "program")
    stack = Stack("none", program, tmp_path / "state")
    stack.home.mkdir()
    schema = json.loads(stack.run("pulumi", "package", "get-schema", "./components").out)
    resources = {name.rpartition(":")[2]: shape for name, shape in schema["resources"].items()}
    assert {
        "Cluster", "DockerMachine", "DockerLoadBalancer", "DockerNetwork", "DockerRegistry",
        "EtcdKeys", "FleetTemplate", "FleetUnit", "Image",
    } <= resources.keys()  # fmt: skip
    assert all(shape["isComponent"] for shape in resources.values())
    assert set(resources["FleetUnit"]["requiredInputs"]) == {"connection", "path"}
    assert resources["Cluster"]["inputProperties"]["hosts"]["type"] == "array"
