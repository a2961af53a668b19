"""An address in a subnet that stays when the machine at it is made anew."""

from collections.abc import Mapping
from typing import TypedDict

import pulumi
import pulumi_aws as aws

from .tags import tags


class AwsAddressArgs(TypedDict):
    """Where it is, and whether the world sees it."""

    subnet_id: pulumi.Input[str]
    """The subnet."""
    security_group: pulumi.Input[str]
    """Who may talk to it."""
    public: bool
    """Whether it has a public address too."""
    tags: Mapping[str, str]
    """Tags of everything."""


class AwsAddress(pulumi.ComponentResource):
    """A network interface, so that etcd's members are known before their machines are."""

    interface_id: pulumi.Output[str]
    """The network interface."""
    private_ip: pulumi.Output[str]
    """Its address inside."""
    reachable_ip: pulumi.Output[str]
    """Where SSH connects to: the public address, or else the private one."""

    def __init__(
        self, name: str, args: AwsAddressArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the interface."""
        super().__init__("fleet-cluster:index:AwsAddress", name, None, opts)
        interface = aws.ec2.NetworkInterface(
            name,
            subnet_id=args["subnet_id"],
            security_groups=[args["security_group"]],
            description=f"{pulumi.get_stack()} {name}",
            tags=tags(name, args["tags"]),
            # A subnet that is new in the list moves no machine that is there.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["subnetId"]),
        )
        self.interface_id = interface.id
        self.private_ip = interface.private_ip
        self.reachable_ip = interface.private_ip
        if args["public"]:
            public = aws.ec2.Eip(
                name,
                domain="vpc",
                network_interface=interface.id,
                tags=tags(name, args["tags"]),
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.reachable_ip = public.public_ip
        self.register_outputs(
            {
                "interface_id": self.interface_id,
                "private_ip": self.private_ip,
                "reachable_ip": self.reachable_ip,
            }
        )
