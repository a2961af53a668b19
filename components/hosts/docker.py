"""Machines as containers: systemd as PID 1, sshd and Docker inside."""

from typing import TypedDict

import pulumi
import pulumi_docker as docker
import pulumi_tls as tls

from ..host import Connection, Host
from ..images import Image
from .docker_network import FIRST_MACHINE_OFFSET, Network, address_at, container_labels

CAPABILITIES = (
    "SYS_ADMIN",
    "NET_ADMIN",
    "SYS_PTRACE",
    "AUDIT_CONTROL",
    "DAC_READ_SEARCH",
    "LINUX_IMMUTABLE",
    "SYS_BOOT",
    "SYS_NICE",
    "SYSLOG",
    "IPC_LOCK",
)
"""What systemd and Docker need of a container that may not be privileged."""
UNCONFINED = ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined")


class DockerHostsArgs(TypedDict):
    """How many machines, and where."""

    network: Network
    """The Docker network they live in."""
    metadata: list[dict[str, str]]
    """fleet's metadata of each machine; as many machines as entries."""
    image_context: str
    """The folder of the machine image's Dockerfile."""


class DockerHosts(pulumi.ComponentResource):
    """Machines that are containers on this computer, named machine-1 and up."""

    hosts: pulumi.Output[list[Host]]
    """The machines, in order."""
    ssh_key: pulumi.Output[str]
    """The private key of user core, OpenSSH form. Secret."""

    def __init__(
        self, name: str, args: DockerHostsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Build the machine image, make keys, start the machines."""
        super().__init__("fleet-cluster:index:DockerHosts", name, None, opts)
        image = self._image(args)
        self._network = args["network"]
        self._user_key = self._key("core")
        self.shapes = [
            self._machine(number, metadata, image.reference)
            for number, metadata in enumerate(args["metadata"], start=1)
        ]
        self.hosts = pulumi.Output.from_input(self.shapes)
        self.ssh_key = self._user_key.private_key_openssh
        self.register_outputs({"hosts": self.hosts, "ssh_key": self.ssh_key})

    def _image(self, args: DockerHostsArgs) -> Image:
        """A new build must not replace all machines at once, and etcd's data with them.

        So their tag stays; a machine takes the new image when it is made anew, as by
        `pulumi up --replace`.
        """
        tag = args["network"]["name"]
        return Image(
            "machine",
            {"context": args["image_context"], "tag": tag},
            pulumi.ResourceOptions(parent=self),
        )

    def _key(self, name: str) -> tls.PrivateKey:
        return tls.PrivateKey(
            f"{name}-ssh", algorithm="ED25519", opts=pulumi.ResourceOptions(parent=self)
        )

    def _machine(self, number: int, metadata: dict[str, str], image: pulumi.Input[str]) -> Host:
        name = f"machine-{number}"
        host_key = self._key(name)
        address = address_at(self._network["subnet"], FIRST_MACHINE_OFFSET + number - 1)
        container = self._container(name, number, image, address, host_key)
        return Host(
            name=name,
            id=container.id,
            address=address,
            connection=self._connection(number, address, host_key),
            metadata=metadata,
        )

    def _connection(
        self, number: int, address: pulumi.Output[str], host_key: tls.PrivateKey
    ) -> Connection:
        direct = pulumi.Output.from_input(self._network["direct"])
        published = pulumi.Output.from_input(self._network["ssh_ports"])
        return Connection(
            host=pulumi.Output.all(direct, address).apply(lambda a: a[1] if a[0] else "127.0.0.1"),
            port=pulumi.Output.all(direct, published).apply(
                lambda a: 22 if a[0] else int(a[1][number - 1])
            ),
            private_key=self._user_key.private_key_openssh,
            host_key=host_key.public_key_openssh.apply(str.strip),
        )

    def _container(
        self,
        name: str,
        number: int,
        image: pulumi.Input[str],
        address: pulumi.Input[str],
        host_key: tls.PrivateKey,
    ) -> docker.Container:
        privileged = pulumi.Output.from_input(self._network["privileged"])
        return docker.Container(
            name,
            image=image,
            hostname=name,
            labels=container_labels(),
            privileged=privileged,
            capabilities=privileged.apply(_capabilities),
            security_opts=privileged.apply(lambda yes: [] if yes else list(UNCONFINED)),
            cgroupns_mode="private",
            tmpfs={"/run": "exec,mode=755", "/run/lock": "", "/tmp": "exec,mode=1777"},  # noqa: S108
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(
                    name=self._network["name"], ipv4_address=address
                )
            ],
            ports=self._ssh_port(number),
            uploads=self._uploads(host_key),
            restart="unless-stopped",
            must_run=True,
            destroy_grace_seconds=0,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )

    def _ssh_port(self, number: int) -> pulumi.Output[list[docker.ContainerPortArgs]]:
        direct = pulumi.Output.from_input(self._network["direct"])
        published = pulumi.Output.from_input(self._network["ssh_ports"])
        return pulumi.Output.all(direct, published).apply(
            lambda a: (
                []
                if a[0]
                else [
                    docker.ContainerPortArgs(
                        internal=22, external=int(a[1][number - 1]), ip="127.0.0.1"
                    )
                ]
            )
        )

    def _uploads(self, host_key: tls.PrivateKey) -> list[docker.ContainerUploadArgs]:
        return [
            docker.ContainerUploadArgs(
                file="/etc/ssh/ssh_host_ed25519_key", content=host_key.private_key_openssh
            ),
            docker.ContainerUploadArgs(
                file="/home/core/.ssh/authorized_keys", content=self._user_key.public_key_openssh
            ),
        ]


def _capabilities(privileged: bool) -> docker.ContainerCapabilitiesArgs | None:
    if privileged:
        return None
    return docker.ContainerCapabilitiesArgs(adds=list(CAPABILITIES))
