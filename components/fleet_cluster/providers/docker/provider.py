"""DockerProvider: a cluster on this computer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi
import pulumi_tls as tls

from ..._child_options import moved_below
from ..._lifecycle.drain_on_delete import DrainOnDelete
from ...errors import between
from ...images import Image
from ...machine import Machine, MachineAddress
from .load_balancer import DockerLoadBalancer
from .machine import DockerMachine, machine_address
from .network import MACHINES, DockerNetwork
from .pinned_images import pinned_images
from .registry import DockerRegistry

IMAGES = Path(__file__).with_name("images")
"""What a cluster needs beside its machines."""
MACHINE_IMAGE = Path(__file__).parent.with_name("machine_image")
PORT = 8080


class DockerArgs(TypedDict):
    """What can be chosen on this computer."""

    port: NotRequired[int]
    """The port of 127.0.0.1 where the load balancer listens; 8080 if not given."""


class DockerProvider:
    """Machines are containers, with a registry and HAProxy beside them."""

    largest = MACHINES

    def __init__(self, args: DockerArgs, parent: pulumi.Resource) -> None:
        """Find out what Docker offers; start the registry and build the machines' image."""
        self._parent = parent
        self._port = args.get("port", PORT)
        self._network = DockerNetwork(
            "network", {"load_balancer_port": self._port}, moved_below(parent)
        )
        self._registry = DockerRegistry(
            "registry",
            {"network": self._network.shape, "image_context": str(IMAGES / "registry")},
            self._when_probed(),
        )
        self.registry_host: pulumi.Output[str] | str = self._registry.pull_from
        self._machine_image = Image("machine", {"context": str(MACHINE_IMAGE)}, self._when_probed())
        self._pinned_images = pinned_images(self._network.shape["name"])
        self._core = tls.PrivateKey("core-ssh", algorithm="ED25519", opts=moved_below(parent))
        self._images: list[Image] = []

    @staticmethod
    def check(args: DockerArgs) -> None:
        """See what was chosen.

        Raises:
            InputError: the port is none.
        """
        between("provider.docker.port", args.get("port", PORT), 1, 65535)

    def _when_probed(self) -> pulumi.ResourceOptions:
        """Nothing is made before the network's probe has found that all is well."""
        return moved_below(self._parent, pulumi.ResourceOptions(depends_on=[self._network]))

    @property
    def network(self) -> pulumi.Resource:
        """The network."""
        return self._network

    def members(self, count: int) -> list[MachineAddress]:
        """They follow from the network's range."""
        return [machine_address(self._network.shape, number + 1) for number in range(count)]

    def machine(
        self, number: int, metadata: Mapping[str, str], after: Sequence[pulumi.Resource]
    ) -> Machine:
        """Start a container."""
        name = f"machine-{number}"
        made = DockerMachine(
            name,
            {
                "network": self._network.shape,
                "number": number,
                "image": self._image_of(name),
                "ssh_key": {
                    "private_key": self._core.private_key_openssh,
                    "public_key": self._core.public_key_openssh,
                },
                "metadata": metadata,
            },
            moved_below(self._parent, pulumi.ResourceOptions(depends_on=list(after))),
        )
        return made.shape

    def let_machines_reach(self, name: str, port: int) -> None:
        """On their network they do."""

    def _image_of(self, machine: str) -> pulumi.Output[str]:
        newest = self._machine_image.reference
        return self._pinned_images.apply(lambda pinned: pinned.get(machine) or newest)

    def image(self, context: Path) -> pulumi.Output[str]:
        """Push to the registry; one that lost its data gets the images again.

        The first one before the others: layers of a common base are compressed and pushed once.
        """
        image = Image(
            context.name,
            {
                "context": str(context),
                "push_to": self._registry.push_to,
                "pull_from": self._registry.pull_from,
                "kept_in": self._registry.data.id,
            },
            moved_below(self._parent, pulumi.ResourceOptions(depends_on=self._images[:1])),
        )
        self._images.append(image)
        return image.reference

    def load_balancer(
        self, machines: Sequence[Machine], drains: Mapping[str, DrainOnDelete]
    ) -> DockerLoadBalancer:
        """HAProxy, which knows all machines that there may ever be, and asks who answers."""
        return DockerLoadBalancer(
            "load-balancer",
            {
                "network": self._network.shape,
                "port": self._port,
                "image_context": str(IMAGES / "haproxy"),
            },
            self._when_probed(),
        )
