"""The image registry of a cluster on this computer: a container beside the machines."""

from typing import TypedDict

import pulumi
import pulumi_docker as docker

from ..._child_options import child_of
from ...images import Image
from .network import (
    FOR_GOOD,
    LABEL,
    REGISTRY_OFFSET,
    Network,
    address_at,
    container_labels,
    stack_label,
)

PORT = 5000


class DockerRegistryArgs(TypedDict):
    """Where the registry runs."""

    network: Network
    """The machines' network."""
    image_context: str
    """The folder of the registry image's Dockerfile."""


class DockerRegistry(pulumi.ComponentResource):
    """A registry that this computer pushes to by 127.0.0.1, and machines pull from by address."""

    push_to: pulumi.Output[str]
    """Its name on this computer."""
    pull_from: pulumi.Output[str]
    """Its name on the machines. Plain HTTP: the images are named by digest."""

    def __init__(
        self, name: str, args: DockerRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Start the registry; its images outlive the container, not the stack."""
        super().__init__("fleet-cluster:index:DockerRegistry", name, None, opts)
        address = address_at(args["network"]["subnet"], REGISTRY_OFFSET)
        self.data = docker.Volume(
            f"{name}-data",
            labels=[docker.VolumeLabelArgs(label=LABEL, value=stack_label())],
            opts=child_of(self, opts, pulumi.ResourceOptions(ignore_changes=FOR_GOOD)),
        )
        container = self._container(name, args, address, opts)
        port = pulumi.Output.from_input(args["network"]["registry_port"])
        # Through the container's id, so that nobody pushes before it runs.
        self.push_to = pulumi.Output.all(port, container.id).apply(lambda a: f"127.0.0.1:{a[0]}")
        self.pull_from = pulumi.Output.concat(address, f":{PORT}")
        self.register_outputs({"push_to": self.push_to, "pull_from": self.pull_from})

    def _container(
        self,
        name: str,
        args: DockerRegistryArgs,
        address: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None,
    ) -> docker.Container:
        image = Image("registry", {"context": args["image_context"]}, child_of(self, opts))
        return docker.Container(
            name,
            image=image.reference,
            hostname=name,
            labels=container_labels(),
            volumes=[
                docker.ContainerVolumeArgs(
                    volume_name=self.data.name, container_path="/var/lib/docker-registry"
                )
            ],
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(
                    name=args["network"]["name"], ipv4_address=address
                )
            ],
            ports=[
                docker.ContainerPortArgs(
                    internal=PORT, external=args["network"]["registry_port"], ip="127.0.0.1"
                )
            ],
            restart="unless-stopped",
            must_run=True,
            opts=pulumi.ResourceOptions(
                parent=self, delete_before_replace=True, ignore_changes=FOR_GOOD
            ),
        )
