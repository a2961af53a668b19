"""AwsProvider: a cluster on AWS."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi
import pulumi_tls as tls

from ..._child_options import moved_below
from ..._lifecycle.drain_on_delete import DrainOnDelete
from ...errors import between, not_allowed
from ...fleet.etcd_configuration import GIB
from ...images import Image, check_programs
from ...machine import Machine, MachineAddress, Proxy, SshKey
from .address import AwsAddress
from .ami import DEBIAN_NAMES, architecture_of, debian_13, for_architecture
from .instance_profile import AwsProfile
from .load_balancer import DRAIN_SECONDS, AwsLoadBalancer
from .machine import AwsMachine, AwsMachineArgs
from .network import AwsNetwork, check_ssh_from
from .registry import EcrRegistry, login, repository_name
from .subnets import LEAST, majority_in_one_zone

PORTS = (5000, 5099)
MACHINE_IMAGE = Path(__file__).parent.with_name("machine_image")


class AwsArgs(TypedDict):
    """What can be chosen on AWS."""

    ssh_from: Sequence[str]
    """CIDRs from where SSH to the machines is allowed, like ["203.0.113.7/32"]."""
    ssh_from_anywhere: NotRequired[bool]
    """Whether ssh_from may be the whole world; false if not given."""
    instance_type: NotRequired[str]
    """EC2's type of the machines; t3.small if not given. One with an arm processor gets Debian for
    arm64."""
    image_id: NotRequired[str]
    """The AMI of the machines, a Debian 13. Without it, Debian's newest when the stack first asked;
    a newer one replaces nothing."""
    root_size: NotRequired[int]
    """GiB of each machine's root volume; 20 if not given."""
    etcd_volume_size: NotRequired[int]
    """GiB of a volume of its own for etcd's data on each machine that keeps them: more than
    etcd_quota_backend_bytes, better four times that, to 16384. On the root volume if not given, or
    0. Another size makes these machines anew, one by one."""
    vpc_id: NotRequired[str]
    """The VPC, together with subnet_ids. The region's default VPC if not given."""
    subnet_ids: NotRequired[Sequence[str]]
    """Subnets of vpc_id, two or more, each in a zone of its own; machines are spread over them in
    turn."""
    private: NotRequired[bool]
    """Whether machines have no public addresses: then this computer needs a way into the VPC, a VPN
    or ssh_proxy. Without it, each has an elastic address."""
    ports: NotRequired[Sequence[int]]
    """The first and the last port on which units answer to other machines; 5000 to 5099 if not
    given."""
    ssh_key: NotRequired[SshKey]
    """The key pair of the machines' user; one of the stack's own if not given."""
    ssh_proxy: NotRequired[Proxy]
    """A bastion through which machines are reached."""
    certificate_arn: NotRequired[str]
    """A certificate of ACM. With it the load balancer answers by HTTPS and redirects HTTP."""
    drain_seconds: NotRequired[int]
    """Seconds that requests under way get when a machine leaves the load balancer, 0 to 3600; 35
    if not given. Then the machine is drained and terminated."""
    ssm_access: NotRequired[bool]
    """Whether AWS Systems Manager may open sessions on the machines."""
    permissions_boundary: NotRequired[str]
    """The ARN of a policy that says what the machines' role may be allowed at most: for an operator
    who may make roles only within it (docs/aws.md)."""
    tags: NotRequired[Mapping[str, str]]
    """Tags of everything that is made on AWS."""


class AwsProvider:
    """Machines are EC2 instances, with ECR and an application load balancer."""

    largest = 100
    registry_host: pulumi.Output[str] | str = ""

    def __init__(self, args: AwsArgs, parent: pulumi.Resource) -> None:
        """Look up network and image; make what machines need.

        Raises:
            InputError: AWS does not know what an argument names.
        """
        self._args = args
        self._parent = parent
        self._tags = args.get("tags", {})
        self._type = args.get("instance_type", "t3.small")
        self._architecture = architecture_of(self._type)
        self._network = self._make_network()
        self._login = login()
        self._registry = EcrRegistry(
            "registry", {"login": self._login, "tags": self._tags}, moved_below(parent)
        )
        self._profile = AwsProfile(
            "machines",
            {
                "ssm_access": args.get("ssm_access", False),
                "permissions_boundary": args.get("permissions_boundary", ""),
                "tags": self._tags,
            },
            moved_below(parent),
        )
        self._image = self._find_image()
        self._ssh_key = args.get("ssh_key") or self._make_key()
        self._addresses: dict[int, AwsAddress] = {}
        self._members = 0

    @staticmethod
    def check(args: AwsArgs, etcd_quota: int) -> None:
        """See what was chosen; `etcd_quota`: the bytes that etcd's data may have.

        Raises:
            InputError: an argument is not allowed.
        """
        check_ssh_from(args["ssh_from"], args.get("ssh_from_anywhere", False))
        _check_ports(args.get("ports", PORTS))
        subnets = args.get("subnet_ids", ())
        if 0 < len(subnets) < LEAST:
            allowed = f"{LEAST} subnets of vpc_id or more, since a load balancer needs them"
            raise not_allowed("provider.aws.subnet_ids", list(subnets), allowed)
        seconds = args.get("drain_seconds", DRAIN_SECONDS)
        between("provider.aws.drain_seconds", seconds, 0, 3600)
        given, sizes = args.get("etcd_volume_size", 0), etcd_volume_sizes(etcd_quota)
        if given and given not in sizes:
            allowed = (
                f"0, or {sizes[0]} to {sizes[-1]} GiB: more than etcd_quota_backend_bytes "
                f"({etcd_quota}), better four times that"
            )
            raise not_allowed("provider.aws.etcd_volume_size", given, allowed)

    @property
    def network(self) -> pulumi.Resource:
        """The security groups."""
        return self._network

    def members(self, count: int) -> list[MachineAddress]:
        """They follow from network interfaces, which are made before the machines."""
        self._members = count
        self._network.subnet_ids.apply(lambda ids: warn_of(majority_in_one_zone(count, len(ids))))
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
            instance_type=self._type,
            processor=DEBIAN_NAMES[self._architecture],
            root_size=self._args.get("root_size", 20),
            etcd_volume_size=self._etcd_volume_size(number),
            instance_profile=self._profile.instance_profile,
            registry=self._registry.host,
            files=str(MACHINE_IMAGE / "files"),
            ssh_key=self._ssh_key,
            metadata=metadata,
            tags=self._tags,
        )
        if "ssh_proxy" in self._args:
            args["proxy"] = self._args["ssh_proxy"]
        # cloud-init needs the public address for Debian's packages.
        opts = moved_below(self._parent, pulumi.ResourceOptions(depends_on=[*after, address]))
        return AwsMachine(f"machine-{number}", args, opts).shape

    def let_machines_reach(self, name: str, port: int) -> None:
        """One rule more of their security group."""
        self._network.let_machines_reach(name, port)

    def image(self, context: Path) -> pulumi.Output[str]:
        """Push to a repository of the image's own, for the machines' architecture."""
        processor = DEBIAN_NAMES[self._architecture]
        check_programs(context, processor)
        repository = self._registry.add(context.name)
        allowed = self._profile.may_pull(context.name, repository)
        built = Image(
            context.name,
            {
                "context": str(context),
                "push_to": self._registry.host,
                "repository": repository_name(context.name),
                "credentials": self._login,
                "platform": f"linux/{processor}",
            },
            moved_below(self._parent, pulumi.ResourceOptions(depends_on=[repository])),
        )
        # Whoever pulls waits until machines may.
        return pulumi.Output.all(built.reference, allowed.urn).apply(lambda all: str(all[0]))

    def load_balancer(
        self, machines: Sequence[Machine], drains: Mapping[str, DrainOnDelete]
    ) -> AwsLoadBalancer:
        """An ALB over all subnets."""
        return AwsLoadBalancer(
            "load-balancer",
            {
                "vpc_id": self._network.vpc_id,
                "subnet_ids": self._network.subnet_ids,
                "security_group": self._network.load_balancer,
                "machines": machines,
                "drains": drains,
                "certificate_arn": self._args.get("certificate_arn", ""),
                "drain_seconds": self._args.get("drain_seconds", DRAIN_SECONDS),
                "tags": self._tags,
            },
            moved_below(self._parent),
        )

    def _make_network(self) -> AwsNetwork:
        first, last = self._args.get("ports", PORTS)
        return AwsNetwork(
            "network",
            {
                "vpc_id": self._args.get("vpc_id", ""),
                "subnet_ids": self._args.get("subnet_ids", ()),
                "instance_type": self._type,
                "ssh_from": self._args["ssh_from"],
                "first_app_port": first,
                "last_app_port": last,
                "https": bool(self._args.get("certificate_arn")),
                "tags": self._tags,
            },
            moved_below(self._parent),
        )

    def _find_image(self) -> pulumi.Output[str]:
        given = self._args.get("image_id")
        if given:
            return pulumi.Output.from_input(for_architecture(given, self._architecture))
        return debian_13(self._architecture, moved_below(self._parent))

    def _address(self, number: int) -> AwsAddress:
        if number not in self._addresses:
            subnet = self._network.subnet_ids.apply(lambda ids: ids[(number - 1) % len(ids)])
            self._addresses[number] = AwsAddress(
                f"machine-{number}-address",
                {
                    "subnet_id": subnet,
                    "security_group": self._network.machines,
                    "public": not self._args.get("private", False),
                    "tags": self._tags,
                },
                moved_below(self._parent),
            )
        return self._addresses[number]

    def _etcd_volume_size(self, number: int) -> int:
        return self._args.get("etcd_volume_size", 0) if number <= self._members else 0

    def _make_key(self) -> SshKey:
        made = tls.PrivateKey("core-ssh", algorithm="ED25519", opts=moved_below(self._parent))
        return SshKey(private_key=made.private_key_openssh, public_key=made.public_key_openssh)


def etcd_volume_sizes(etcd_quota: int) -> range:
    """The GiB that a volume for etcd's data may have: beside them, etcd keeps its log there."""
    return range(etcd_quota // GIB + 1, 16384 + 1)


def _check_ports(ports: Sequence[object]) -> None:
    whole = [one for one in ports if isinstance(one, int)]
    if not len(ports) == len(whole) == 2 or not 1 <= whole[0] <= whole[1] <= 65535:
        allowed = "the first and the last port, from 1 to 65535, like [5000, 5099]"
        raise not_allowed("provider.aws.ports", list(ports), allowed)


def warn_of(trouble: str) -> None:
    """Say it in the preview and in the update, if there is any."""
    if trouble:
        pulumi.log.warn(trouble)
