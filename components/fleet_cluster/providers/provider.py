"""Site: what a program needs of the place where its cluster lives."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pulumi

from .._lifecycle.drain_on_delete import DrainOnDelete
from ..machine import Machine, MachineAddress


class LoadBalancer(Protocol):
    """The way in."""

    hostname: pulumi.Output[str]
    """Where it is reached."""
    url: pulumi.Output[str]
    """What to open."""


class Provider(Protocol):
    """Machines, images and a load balancer of one kind of place."""

    registry_host: pulumi.Output[str] | str
    """A registry that machines reach by plain HTTP; empty if there is none."""

    @property
    def ground(self) -> pulumi.Resource:
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

    def image(self, name: str) -> pulumi.Output[str]:
        """Build images/NAME and push it: what machines pull."""
        ...

    def load_balancer(
        self, hosts: Sequence[Machine], leaves: Mapping[str, DrainOnDelete] | None = None
    ) -> LoadBalancer:
        """Make the one port that is open to the world.

        Args:
            hosts: the machines behind it.
            leaves: what empties each machine, by name, when it goes: it gets no requests by then.
        """
        ...
