"""The network of a cluster on this computer, with everything that had to be found out for it."""

import ipaddress
import json
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_docker as docker
from pulumi_command import local

LABEL = "fleet-cluster"
FOR_GOOD = ["labels"]
"""What a Docker object keeps: when its stack gets another name, nothing is made anew for it."""
REGISTRY_OFFSET = 2
LOAD_BALANCER_OFFSET = 3
FIRST_MACHINE_OFFSET = 11
MACHINES = 12
"""How many may live in such a network."""


class Network(TypedDict):
    """A Docker network, and what its engine offers."""

    name: pulumi.Input[str]
    """Docker's name for it."""
    subnet: pulumi.Input[str]
    """Its range: 172.30.7.0/24."""
    registry_port: pulumi.Input[int]
    """A free port of 127.0.0.1 for the image registry."""
    ssh_ports: pulumi.Input[list[int]]
    """A free port of 127.0.0.1 for each machine's SSH, for where machines have no direct route."""
    privileged: pulumi.Input[bool]
    """Whether the engine allows privileged containers."""
    direct: pulumi.Input[bool]
    """Whether this computer reaches containers at their own addresses."""


class DockerNetworkArgs(TypedDict):
    """What the network is for."""

    load_balancer_port: NotRequired[pulumi.Input[int]]
    """The port of 127.0.0.1 that a load balancer will publish; refused if it is in use."""


class DockerNetwork(pulumi.ComponentResource):
    """A Docker network of its own, at an address range that nothing else here uses."""

    network: pulumi.Output[Network]
    """The network, for the components that live in it."""

    def __init__(
        self, name: str, args: DockerNetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Probe the engine once, then make the network."""
        super().__init__("fleet-cluster:index:DockerNetwork", name, None, opts)
        found = self._probe(name, args)
        network = self._network(name, found["subnet"])
        self.shape = Network(
            name=network.name,
            subnet=found["subnet"],
            registry_port=found["registry_port"].apply(int),
            ssh_ports=found["ssh_ports"],
            privileged=found["privileged"],
            direct=found["direct"],
        )
        self.network = pulumi.Output.from_input(self.shape)
        self.register_outputs({"network": self.network})

    def _probe(self, name: str, args: DockerNetworkArgs) -> pulumi.Output[Any]:
        port = pulumi.Output.from_input(args.get("load_balancer_port", 0)).apply(str)
        probe = local.Command(
            f"{name}-probe",
            create="python3 -",
            update="python3 -",
            stdin=Path(__file__).with_name("engine_probe.py").read_text(),
            environment={"LOAD_BALANCER_PORT": port, "MACHINES": str(MACHINES)},
            # What was found stays; a newer probe asks for new networks only.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["stdin"]),
        )
        return probe.stdout.apply(json.loads)

    def _network(self, name: str, subnet: pulumi.Input[str]) -> docker.Network:
        return docker.Network(
            name,
            ipam_configs=[docker.NetworkIpamConfigArgs(subnet=subnet)],
            labels=[docker.NetworkLabelArgs(label=LABEL, value=stack_label())],
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=FOR_GOOD),
        )


def address_at(subnet: pulumi.Input[str], offset: int) -> pulumi.Output[str]:
    """The address `offset` places into a subnet: 172.30.7.11 for 172.30.7.0/24 and 11."""
    return pulumi.Output.from_input(subnet).apply(
        lambda text: str(ipaddress.ip_network(text)[offset])
    )


def container_labels() -> list[docker.ContainerLabelArgs]:
    """What marks every container that a stack makes."""
    return [docker.ContainerLabelArgs(label=LABEL, value=stack_label())]


def stack_label() -> str:
    """The stack that a Docker object was made by, under the name that it had: project/stack."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"
