"""DockerProvider: a cluster on this computer."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
import pulumi_tls as tls

from ..._lifecycle.drain_on_delete import DrainOnDelete
from ...images import Image
from ...machine import Machine, MachineAddress
from .load_balancer import DockerLoadBalancer
from .machine import DockerMachine, machine_address
from .network import DockerNetwork
from .registry import DockerRegistry

IMAGES = Path(__file__).with_name("images")
"""What a cluster needs beside its machines."""
MACHINE_IMAGE = Path(__file__).parent.with_name("machine_image")


class DockerProvider:
    """Machines are containers, with a registry and HAProxy beside them."""

    def __init__(self, load_balancer_port: int) -> None:
        """Find out what Docker offers; start the registry and build the machines' image."""
        self._port = load_balancer_port
        self._network = DockerNetwork("network", {"load_balancer_port": load_balancer_port})
        # Nothing is made before the network's probe has found that all is well.
        self._probed = pulumi.ResourceOptions(depends_on=[self._network])
        self._registry = DockerRegistry(
            "registry",
            {"network": self._network.shape, "image_context": str(IMAGES / "registry")},
            self._probed,
        )
        self.registry_host = self._registry.pull_from
        self._machine_image = Image("machine", {"context": str(MACHINE_IMAGE)}, self._probed)
        self._core = tls.PrivateKey("core-ssh", algorithm="ED25519")

    @property
    def ground(self) -> pulumi.Resource:
        """The network."""
        return self._network

    def members(self, count: int) -> list[MachineAddress]:
        """They follow from the network's range."""
        return [machine_address(self._network.shape, number + 1) for number in range(count)]

    def machine(
        self, number: int, metadata: Mapping[str, str], after: Sequence[pulumi.Resource]
    ) -> Machine:
        """Start a container."""
        made = DockerMachine(
            f"machine-{number}",
            {
                "network": self._network.shape,
                "number": number,
                "image": self._machine_image.reference,
                "ssh_key": {
                    "private_key": self._core.private_key_openssh,
                    "public_key": self._core.public_key_openssh,
                },
                "metadata": dict(metadata),
            },
            pulumi.ResourceOptions(depends_on=after),
        )
        return made.shape

    def image(self, name: str) -> pulumi.Output[str]:
        """Push to the registry; one that lost its data gets the images again."""
        return Image(
            name,
            {
                "context": f"images/{name}",
                "push_to": self._registry.push_to,
                "pull_from": self._registry.pull_from,
                "kept_in": self._registry.data.id,
            },
        ).reference

    def load_balancer(
        self, hosts: Sequence[Machine], leaves: Mapping[str, DrainOnDelete] | None = None
    ) -> DockerLoadBalancer:
        """HAProxy, which knows all machines that there may ever be, and asks who answers."""
        return DockerLoadBalancer(
            "load-balancer",
            {
                "network": self._network.shape,
                "port": self._port,
                "image_context": str(IMAGES / "haproxy"),
            },
            self._probed,
        )
