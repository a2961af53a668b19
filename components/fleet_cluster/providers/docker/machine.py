"""Machines as containers: systemd as PID 1, sshd and Docker inside."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
import pulumi_docker as docker
import pulumi_tls as tls

from ..._child_options import at_once, child_of
from ...machine import Connection, Machine, MachineAddress, SshKey
from .network import FIRST_MACHINE_OFFSET, FOR_GOOD, Network, address_at, container_labels

CAPABILITIES = (
    "CAP_SYS_ADMIN",
    "CAP_NET_ADMIN",
    "CAP_SYS_PTRACE",
    "CAP_AUDIT_CONTROL",
    "CAP_DAC_READ_SEARCH",
    "CAP_LINUX_IMMUTABLE",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYSLOG",
    "CAP_IPC_LOCK",
)
"""What systemd and Docker need of a container that may not be privileged, as it is read back."""
UNCONFINED = ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined")
READ_BACK_OTHERWISE = ["capabilities", "securityOpts"]
"""Inputs whose changes replace no machine: the plugin does not read systempaths back, and earlier
versions spelled capabilities in another way. A machine that is made anew gets all of them."""


class DockerMachineArgs(TypedDict):
    """Which machine of its network it is, and what it runs."""

    network: Network
    """The Docker network it lives in."""
    number: int
    """1 to 12; its address and its name follow from it."""
    image: pulumi.Input[str]
    """The machine image. Another one makes the machine anew."""
    ssh_key: SshKey
    """Who may log in, as user core."""
    metadata: NotRequired[Mapping[str, str]]
    """fleet's metadata, for MachineMetadata=."""


class DockerMachine(pulumi.ComponentResource):
    """A machine that is a container on this computer."""

    machine: pulumi.Output[Machine]
    """The machine, for `Cluster` and others."""

    def __init__(
        self, name: str, args: DockerMachineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make its host key, and start it."""
        super().__init__("fleet-cluster:index:DockerMachine", name, None, at_once(opts))
        self._args = args
        self._network = args["network"]
        self._here = machine_address(args["network"], args["number"])
        self._host_key = tls.PrivateKey(
            f"{name}-ssh", algorithm="ED25519", opts=pulumi.ResourceOptions(parent=self)
        )
        container = self._container(opts)
        self.shape = Machine(
            name=self._here["name"],
            id=container.id,
            address=self._here["address"],
            connection=self._connection(),
            metadata=args.get("metadata", {}),
        )
        self.machine = pulumi.Output.from_input(self.shape)
        self.register_outputs({"machine": self.machine})

    def _connection(self) -> Connection:
        return Connection(
            host=pulumi.Output.all(self._network["direct"], self._here["address"]).apply(
                lambda a: a[1] if a[0] else "127.0.0.1"
            ),
            port=self._published().apply(lambda port: port or 22),
            private_key=self._args["ssh_key"]["private_key"],
            host_key=self._host_key.public_key_openssh.apply(str.strip),
        )

    def _published(self) -> pulumi.Output[int]:
        """The port of 127.0.0.1 for its SSH; 0 where it is reached at its own address."""
        number = self._args["number"]
        return pulumi.Output.all(self._network["direct"], self._network["ssh_ports"]).apply(
            lambda a: 0 if a[0] else int(a[1][number - 1])
        )

    def _container(self, opts: pulumi.ResourceOptions | None) -> docker.Container:
        privileged = pulumi.Output.from_input(self._network["privileged"])
        return docker.Container(
            self._here["name"],
            image=self._args["image"],
            hostname=self._here["name"],
            labels=container_labels(),
            privileged=privileged,
            capabilities=privileged.apply(_capabilities),
            security_opts=privileged.apply(_security_opts),
            cgroupns_mode="private",
            tmpfs={"/run": "exec,mode=755", "/run/lock": "", "/tmp": "exec,mode=1777"},
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(
                    name=self._network["name"], ipv4_address=self._here["address"]
                )
            ],
            ports=self._published().apply(_ssh_port),
            uploads=[
                docker.ContainerUploadArgs(
                    file="/etc/ssh/ssh_host_ed25519_key",
                    content=self._host_key.private_key_openssh,
                ),
                docker.ContainerUploadArgs(
                    file="/home/core/.ssh/authorized_keys",
                    content=self._args["ssh_key"]["public_key"],
                ),
            ],
            restart="unless-stopped",
            must_run=True,
            destroy_grace_seconds=0,
            opts=child_of(
                self,
                opts,
                pulumi.ResourceOptions(
                    delete_before_replace=True,
                    ignore_changes=[*FOR_GOOD, *READ_BACK_OTHERWISE],
                ),
            ),
        )


def machine_address(network: Network, number: int) -> MachineAddress:
    """The name and the address of a network's machine, before it is made."""
    offset = FIRST_MACHINE_OFFSET + number - 1
    return MachineAddress(name=f"machine-{number}", address=address_at(network["subnet"], offset))


def _ssh_port(published: int) -> list[docker.ContainerPortArgs]:
    if not published:
        return []
    return [docker.ContainerPortArgs(internal=22, external=published, ip="127.0.0.1")]


def _capabilities(privileged: bool) -> docker.ContainerCapabilitiesArgs | None:
    if privileged:
        return None
    return docker.ContainerCapabilitiesArgs(adds=list(CAPABILITIES))


def _security_opts(privileged: bool) -> list[str] | None:
    """None for a privileged one, rather than no options: the engine adds label=disable to those."""
    return None if privileged else list(UNCONFINED)
