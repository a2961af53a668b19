"""Machines as EC2 instances."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
import pulumi_tls as tls
from pulumi_command import local

from ..._child_options import at_once, child_of
from ...machine import SSH_USER, Connection, Machine, Proxy, SshKey
from .cloud_config import Instance, user_data
from .tags import tags

REPLACING = ["instanceType", "rootBlockDevice"]
"""AWS could change these in place; a new machine is how the next one waits for etcd's quorum."""

ETCD_DEVICE = "/dev/sdf"
"""What etcd's volume is called on AWS; see `ETCD_VOLUME` for what becomes of it on the machine."""


class AwsMachineArgs(TypedDict):
    """What it is, and where."""

    interface_id: pulumi.Input[str]
    """The network interface that it takes over."""
    private_ip: pulumi.Input[str]
    """Its address inside the cluster."""
    reachable_ip: pulumi.Input[str]
    """Where SSH connects to."""
    image_id: pulumi.Input[str]
    """The AMI. Another one makes the machine anew."""
    instance_type: str
    """EC2's type: t3.small. Another one makes the machine anew."""
    processor: str
    """Of that type, as Debian names it: arm64."""
    root_size: int
    """GiB of the root volume. Another size makes the machine anew."""
    etcd_volume_size: int
    """GiB of a volume for etcd's data; 0 if there is none. It goes with the instance: a member that
    is made anew has what the others have. Another size makes the machine anew."""
    instance_profile: pulumi.Input[str]
    """Whose rights it has."""
    registry: pulumi.Input[str]
    """The ECR registry that it pulls from."""
    files: str
    """The folder of system files: machine_image/files."""
    ssh_key: SshKey
    """Who may log in, as user core."""
    proxy: NotRequired[Proxy]
    """A bastion on the way."""
    metadata: NotRequired[Mapping[str, str]]
    """fleet's metadata, for MachineMetadata=."""
    tags: Mapping[str, str]
    """Tags of everything."""


class AwsMachine(pulumi.ComponentResource):
    """A machine that is an EC2 instance."""

    machine: pulumi.Output[Machine]
    """The machine, for `Cluster` and others."""

    def __init__(
        self, name: str, args: AwsMachineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Start it; meet it once by the host key in its user data, which is then replaced."""
        super().__init__("fleet-cluster:index:AwsMachine", name, None, at_once(opts))
        self._name = name
        self._args = args
        self._first_key = self._host_key("first")
        self._lasting_key = self._host_key("lasting")
        instance = self._instance(opts)
        met = self._rotate_host_key(instance)
        lasting = self._lasting_key.public_key_openssh
        self.shape = Machine(
            name=name,
            id=pulumi.Output.all(instance.id, met.stdout).apply(lambda a: str(a[0])),
            address=args["private_ip"],
            connection=self._connection(pulumi.Output.all(lasting, met.stdout).apply(_first)),
            way=self._connection(lasting),
            metadata=args.get("metadata", {}),
            processor=args["processor"],
        )
        self.machine = pulumi.Output.from_input(self.shape)
        self.register_outputs({"machine": self.machine})

    def _host_key(self, which: str) -> tls.PrivateKey:
        return tls.PrivateKey(
            f"{self._name}-{which}-ssh",
            algorithm="ED25519",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _instance(self, opts: pulumi.ResourceOptions | None) -> "aws.ec2.Instance":
        args = self._args
        own_tags = tags(self._name, args["tags"])
        return aws.ec2.Instance(
            self._name,
            ami=args["image_id"],
            instance_type=args["instance_type"],
            primary_network_interface=aws.ec2.InstancePrimaryNetworkInterfaceArgs(
                network_interface_id=args["interface_id"]
            ),
            iam_instance_profile=args["instance_profile"],
            metadata_options=aws.ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            root_block_device=aws.ec2.InstanceRootBlockDeviceArgs(
                encrypted=True,
                volume_type="gp3",
                volume_size=args["root_size"],
                delete_on_termination=True,
                tags=own_tags,
            ),
            ebs_block_devices=self._etcd_volume(own_tags) if args["etcd_volume_size"] else None,
            user_data=self._user_data(),
            user_data_replace_on_change=True,
            tags=own_tags,
            opts=child_of(
                self,
                opts,
                pulumi.ResourceOptions(delete_before_replace=True, replace_on_changes=REPLACING),
            ),
        )

    def _etcd_volume(
        self, tags: Mapping[str, str]
    ) -> "Sequence[aws.ec2.InstanceEbsBlockDeviceArgs]":
        return [
            aws.ec2.InstanceEbsBlockDeviceArgs(
                device_name=ETCD_DEVICE,
                encrypted=True,
                volume_type="gp3",
                volume_size=self._args["etcd_volume_size"],
                delete_on_termination=True,
                tags=tags,
            )
        ]

    def _user_data(self) -> pulumi.Output[str]:
        domain = f"{pulumi.get_stack()}.{pulumi.get_project()}.internal"
        return pulumi.Output.all(
            authorized_key=self._args["ssh_key"]["public_key"],
            first_host_key=self._first_key.private_key_openssh,
            first_host_key_public=self._first_key.public_key_openssh,
            registry=self._args["registry"],
        ).apply(
            lambda known: user_data(
                Instance(
                    name=self._name,
                    domain=domain,
                    has_etcd_volume=self._args["etcd_volume_size"] > 0,
                    **known,
                ),
                Path(self._args["files"]),
            )
        )

    def _rotate_host_key(self, instance: "aws.ec2.Instance") -> local.Command:
        """It is repeated for another instance only; see the program for why it is no SSH step."""
        program = Path(__file__).with_name("host_key_rotation.py").read_text()
        return local.Command(
            f"{self._name}-first-contact",
            create='python3 -c "$PROGRAM"',
            environment={"PROGRAM": program},
            add_previous_output_in_env=False,
            stdin=pulumi.Output.secret(
                pulumi.Output.json_dumps(
                    {
                        "host": self._args["reachable_ip"],
                        "user": SSH_USER,
                        "private_key": self._args["ssh_key"]["private_key"],
                        "first_key": self._first_key.public_key_openssh,
                        "lasting_key": self._lasting_key.public_key_openssh,
                        "lasting_private_key": self._lasting_key.private_key_openssh,
                        "root_gib": self._args["root_size"],
                        "proxy": self._args.get("proxy"),
                    }
                )
            ),
            triggers=[instance.id],
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=["stdin", "environment", "create"]
            ),
        )

    def _connection(self, host_key: pulumi.Output[str]) -> Connection:
        connection = Connection(
            host=self._args["reachable_ip"],
            private_key=self._args["ssh_key"]["private_key"],
            host_key=host_key.apply(str.strip),
        )
        proxy = self._args.get("proxy")
        if proxy:
            connection["proxy"] = proxy
        return connection


def _first(known: Sequence[str]) -> str:
    return known[0]
