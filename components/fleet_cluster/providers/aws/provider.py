"""AwsProvider: a cluster on AWS."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
import pulumi_tls as tls

from ..._lifecycle.drain_on_delete import DrainOnDelete
from ...images import Image, check_programs
from ...machine import Machine, MachineAddress, Proxy, SshKey
from .address import AwsAddress
from .ami import DEBIAN_NAMES, architecture_of, debian_12, for_architecture
from .instance_profile import AwsProfile
from .load_balancer import AwsLoadBalancer
from .machine import AwsMachine, AwsMachineArgs
from .network import AwsNetwork
from .registry import EcrRegistry, credentials, repository_name
from .settings import AwsSettings

FIRST_APP_PORT = 5000
LAST_APP_PORT = 5099

MACHINE_IMAGE = Path(__file__).parent.with_name("machine_image")


class AwsProvider:
    """Machines are EC2 instances, with ECR and an application load balancer."""

    registry_host = ""

    def __init__(self, chosen: AwsSettings, images: Sequence[str]) -> None:
        """Look up network and image; make what machines need, and a repository for each image."""
        self._chosen = chosen
        self._architecture = architecture_of(chosen.instance_type)
        self._network = AwsNetwork(
            "network",
            {
                "vpc_id": chosen.vpc_id,
                "subnet_ids": chosen.subnet_ids,
                "instance_type": chosen.instance_type,
                "ssh_from": chosen.allow_ssh_from,
                "first_app_port": FIRST_APP_PORT,
                "last_app_port": LAST_APP_PORT,
                "https": bool(chosen.certificate_arn),
                "tags": chosen.tags,
            },
        )
        self._registry = EcrRegistry("registry", {"images": images, "tags": chosen.tags})
        self._profile = AwsProfile(
            "machines",
            {
                "repositories": [self._registry.arns[number] for number in range(len(images))],
                "ssm_access": chosen.ssm_access,
                "tags": chosen.tags,
            },
        )
        self._image = (
            pulumi.Output.from_input(for_architecture(chosen.image_id, self._architecture))
            if chosen.image_id
            else debian_12(self._architecture)
        )
        self._credentials = credentials()
        self._ssh_key = self._key()
        self._addresses: dict[int, AwsAddress] = {}

    @property
    def ground(self) -> pulumi.Resource:
        """The security groups."""
        return self._network

    def members(self, count: int) -> list[MachineAddress]:
        """They follow from network interfaces, which are made before the machines."""
        return [
            MachineAddress(name=f"machine-{number}", address=self._address(number).private_ip)
            for number in range(1, count + 1)
        ]

    def machine(
        self, number: int, metadata: Mapping[str, str], after: Sequence[pulumi.Resource]
    ) -> Machine:
        """Run an instance at its address."""
        address = self._address(number)
        args = AwsMachineArgs(
            interface_id=address.interface_id,
            private_ip=address.private_ip,
            reachable_ip=address.reachable_ip,
            image_id=self._image,
            instance_type=self._chosen.instance_type,
            root_size=self._chosen.root_size,
            instance_profile=self._profile.instance_profile,
            registry=self._registry.host,
            files=str(MACHINE_IMAGE / "files"),
            ssh_key=self._ssh_key,
            metadata=dict(metadata),
            tags=self._chosen.tags,
        )
        proxy = self._proxy()
        if proxy:
            args["proxy"] = proxy
        # cloud-init needs the public address for Debian's packages.
        opts = pulumi.ResourceOptions(depends_on=[*after, address])
        return AwsMachine(f"machine-{number}", args, opts).shape

    def image(self, name: str) -> pulumi.Output[str]:
        """Push to the image's repository, for the machines' architecture."""
        processor = DEBIAN_NAMES[self._architecture]
        check_programs(Path(f"images/{name}"), processor)
        return Image(
            name,
            {
                "context": f"images/{name}",
                "push_to": self._registry.host,
                "repository": repository_name(name),
                "credentials": self._credentials,
                "platform": f"linux/{processor}",
            },
        ).reference

    def load_balancer(
        self, hosts: Sequence[Machine], leaves: Mapping[str, DrainOnDelete] | None = None
    ) -> AwsLoadBalancer:
        """An ALB over all subnets."""
        return AwsLoadBalancer(
            "load-balancer",
            {
                "vpc_id": self._network.vpc_id,
                "subnet_ids": self._network.subnet_ids,
                "security_group": self._network.load_balancer,
                "hosts": hosts,
                "certificate_arn": self._chosen.certificate_arn,
                "drain_seconds": self._chosen.drain_seconds,
                "tags": self._chosen.tags,
            },
            leaves=leaves,
        )

    def _address(self, number: int) -> AwsAddress:
        if number not in self._addresses:
            self._addresses[number] = AwsAddress(
                f"machine-{number}-address",
                {
                    "subnet_id": self._network.subnet_ids.apply(
                        lambda ids: ids[(number - 1) % len(ids)]
                    ),
                    "security_group": self._network.machines,
                    "public": self._chosen.connect_through == "public",
                    "tags": self._chosen.tags,
                },
            )
        return self._addresses[number]

    def _key(self) -> SshKey:
        given = self._chosen.ssh_private_key
        if given is not None:
            return SshKey(private_key=given, public_key=self._chosen.ssh_public_key)
        made = tls.PrivateKey("core-ssh", algorithm="ED25519")
        return SshKey(private_key=made.private_key_openssh, public_key=made.public_key_openssh)

    def _proxy(self) -> Proxy | None:
        given = self._chosen.ssh_proxy
        key = self._chosen.ssh_proxy_private_key
        if given is None or key is None:
            return None
        return Proxy(
            host=given.host,
            port=given.port,
            user=given.user,
            private_key=key,
            host_key=self._chosen.ssh_proxy_host_key,
        )
