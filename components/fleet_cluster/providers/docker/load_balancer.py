"""The load balancer of a cluster on this computer: HAProxy in a container."""

from typing import TypedDict

import pulumi
import pulumi_docker as docker

from ..._child_options import child_of
from ...images import Image
from .haproxy_config import haproxy_config
from .network import (
    FIRST_MACHINE_OFFSET,
    FOR_GOOD,
    LOAD_BALANCER_OFFSET,
    MACHINES,
    Network,
    address_at,
    container_labels,
)

WHEN_ASKED = ["image", "uploads"]
"""What alone does not replace it: while it is made anew, nothing answers at its port. It is by
`pulumi up --replace`, and then gets the newest."""


class DockerLoadBalancerArgs(TypedDict):
    """Where it listens, and what stands behind it."""

    network: Network
    """The machines' network."""
    port: pulumi.Input[int]
    """The port of 127.0.0.1 that it publishes."""
    image_context: str
    """The folder of HAProxy's Dockerfile."""


class DockerLoadBalancer(pulumi.ComponentResource):
    """HAProxy in front of port 80 of every machine that answers its health check.

    It lists the addresses of all machines that a cluster may have, so that a change of the
    cluster's size neither restarts nor reloads it. Nor does a newer image or configuration of it.
    """

    hostname: pulumi.Output[str]
    """Where it is reached from: 127.0.0.1."""
    url: pulumi.Output[str]
    """What to open."""

    def __init__(
        self, name: str, args: DockerLoadBalancerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Start HAProxy."""
        super().__init__("fleet-cluster:index:DockerLoadBalancer", name, None, opts)
        container = self._container(name, args, opts)
        self.hostname = container.id.apply(lambda _: "127.0.0.1")
        port = pulumi.Output.from_input(args["port"]).apply(str)
        self.url = pulumi.Output.concat("http://", self.hostname, ":", port)
        self.register_outputs({"hostname": self.hostname, "url": self.url})

    def _container(
        self, name: str, args: DockerLoadBalancerArgs, opts: pulumi.ResourceOptions | None
    ) -> docker.Container:
        subnet = args["network"]["subnet"]
        image = Image("haproxy", {"context": args["image_context"]}, child_of(self, opts))
        return docker.Container(
            name,
            image=image.reference,
            hostname=name,
            labels=container_labels(),
            uploads=[
                docker.ContainerUploadArgs(
                    file="/etc/haproxy/haproxy.cfg",
                    content=pulumi.Output.all(*machine_addresses(subnet)).apply(haproxy_config),
                )
            ],
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(
                    name=args["network"]["name"],
                    ipv4_address=address_at(subnet, LOAD_BALANCER_OFFSET),
                )
            ],
            ports=[docker.ContainerPortArgs(internal=80, external=args["port"], ip="127.0.0.1")],
            restart="unless-stopped",
            must_run=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                delete_before_replace=True,
                ignore_changes=[*FOR_GOOD, *WHEN_ASKED],
            ),
        )


def machine_addresses(subnet: pulumi.Input[str]) -> list[pulumi.Output[str]]:
    """The addresses of all machines that a cluster may have."""
    return [address_at(subnet, FIRST_MACHINE_OFFSET + number) for number in range(MACHINES)]
