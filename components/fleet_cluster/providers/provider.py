"""Provider: what a cluster needs of the place where its machines come from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, Protocol, TypedDict

import pulumi

from .._lifecycle.drain_on_delete import DrainOnDelete
from ..errors import not_allowed
from ..machine import Machine, MachineAddress
from .aws.provider import AwsArgs, AwsProvider
from .docker.provider import DockerArgs, DockerProvider


class LoadBalancer(Protocol):
    """The one port that is open to the world."""

    hostname: pulumi.Output[str]
    """Where it is reached."""
    url: pulumi.Output[str]
    """What to open."""


class Provider(Protocol):
    """Machines, images and a load balancer of one kind."""

    registry_host: pulumi.Output[str] | str
    """A registry that machines reach by plain HTTP; empty if there is none."""

    @property
    def network(self) -> pulumi.Resource:
        """What goes last, with all that is on it."""
        ...

    def members(self, count: int) -> list[MachineAddress]:
        """The first machines' names and addresses, before the machines are made."""
        ...

    def machine(
        self, number: int, metadata: Mapping[str, str], after: Sequence[pulumi.Resource]
    ) -> Machine:
        """Make a machine when `after` is there; numbers count from 1."""
        ...

    def let_machines_reach(self, name: str, port: int) -> None:
        """Let machines reach a port of each other, for what `name` says."""
        ...

    def image(self, context: Path) -> pulumi.Output[str]:
        """Build an image, called as its folder is, and push it: what machines pull."""
        ...

    def load_balancer(
        self, machines: Sequence[Machine], drains: Mapping[str, DrainOnDelete]
    ) -> LoadBalancer:
        """Make the load balancer.

        Args:
            machines: the machines behind it.
            drains: what drains each machine, by name, when it goes: it gets no requests by then.
        """
        ...


class ProviderArgs(TypedDict):
    """Where machines come from: one of these."""

    docker: NotRequired[DockerArgs]
    """Containers on this computer, with HAProxy in front."""
    aws: NotRequired[AwsArgs]
    """EC2 instances, with an application load balancer in front."""


def docker(*, port: int = 8080) -> ProviderArgs:
    """The provider Docker: machines are containers on this computer, with HAProxy in front.

    Args:
        port: of 127.0.0.1, where the load balancer listens.
    """
    return {"docker": {"port": port}}


def aws(args: AwsArgs) -> ProviderArgs:
    """The provider AWS: machines are EC2 instances, with an application load balancer in front."""
    return {"aws": args}


def check_provider(args: ProviderArgs, etcd_quota: int) -> int:
    """See what was chosen, before anything is made: how many machines a cluster may have there.

    Args:
        args: what was chosen.
        etcd_quota: the bytes that etcd's data may have, checked.

    Raises:
        InputError: none was chosen, or two, or an argument is not allowed.
    """
    if len(args) == 1 and "docker" in args:
        DockerProvider.check(args["docker"])
        return DockerProvider.largest
    if len(args) == 1 and "aws" in args:
        AwsProvider.check(args["aws"], etcd_quota)
        return AwsProvider.largest
    raise not_allowed("provider", sorted(args), "docker or aws, one of them")


def make_provider(args: ProviderArgs, parent: pulumi.Resource) -> Provider:
    """The provider that was chosen, with what it makes before there are machines.

    Args:
        args: which one, and what it was told; checked.
        parent: of all its resources.
    """
    if "docker" in args:
        return DockerProvider(args["docker"], parent)
    return AwsProvider(args.get("aws", {"ssh_from": []}), parent)
