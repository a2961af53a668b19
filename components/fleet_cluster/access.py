"""Access: all that units, keys and secrets need of a cluster, as one value.

In the program that makes the cluster it is a dict whose leaves are outputs, so that names and
metadata of machines are known in a first preview. From another stack, or in another language, it
comes as one output, which is a secret as a whole because of the private keys in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, TypeVar, cast

import pulumi
from pulumi.resource import DependencyResource

from .machine import Connection, Machine

T = TypeVar("T")
Access = Mapping[str, Any]
"""What `Cluster.access` is. Nobody needs to know what is in it."""


class AccessContent(TypedDict):
    """What an access holds."""

    machines: list[dict[str, Any]]
    """Name, metadata and connection of each machine, members of etcd first."""
    members: NotRequired[int]
    """How many machines are members of etcd."""
    ready: pulumi.Input[bool]
    """True, known when all machines are set up."""
    data_id: pulumi.Input[str]
    """The etcd data id with the numbers of changes by hand; known when all machines are set up."""
    network: pulumi.Input[str]
    """URN of what everything on the machines is deleted with; empty if there is no such thing."""


def grant(
    machines: Sequence[Machine],
    data_id: pulumi.Output[str],
    ready: Sequence[pulumi.Resource],
    network: pulumi.Resource | None,
    members: int = 1,
) -> dict[str, Any]:
    """The access to a cluster.

    Args:
        machines: members of etcd first.
        data_id: the etcd data id.
        ready: what whoever writes to the cluster waits for.
        network: what all machines are deleted with.
        members: how many machines are members of etcd.
    """
    set_up = pulumi.Output.all(*(one.urn for one in ready)).apply(lambda _: True)
    shown = ("name", "metadata", "connection")
    content = AccessContent(
        machines=[{key: dict(machine)[key] for key in shown} for machine in machines],
        members=members,
        ready=set_up,
        data_id=pulumi.Output.all(data_id, set_up).apply(lambda all: str(all[0])),
        network=network.urn if network else "",
    )
    return cast("dict[str, Any]", content)


class ClusterAccess:
    """An access as components read it, wherever it comes from."""

    def __init__(self, given: pulumi.Input[Access]) -> None:
        """Take what a component was given as `cluster`."""
        self._given = cast("AccessContent", given) if isinstance(given, Mapping) else None
        self._all = cast("pulumi.Output[AccessContent]", pulumi.Output.from_input(given))

    @property
    def members(self) -> pulumi.Output[dict[str, Connection]]:
        """The ways to etcd's members by name: only they write keys and units."""
        if self._given:
            return pulumi.Output.from_input(_members(self._given))
        return self._all.apply(_members)

    @property
    def ready(self) -> pulumi.Output[bool]:
        """True, known when all machines are set up."""
        if self._given:
            return pulumi.Output.from_input(self._given["ready"])
        return _public(self._all.apply(lambda _: True))

    @property
    def connections(self) -> pulumi.Output[dict[str, Connection]]:
        """The ways to all machines by name, members of etcd before others."""
        if self._given:
            return pulumi.Output.from_input(_connections(self._given))
        return self._all.apply(_connections)

    @property
    def data_id(self) -> pulumi.Output[str]:
        """The etcd data id: what was written is written again when it is another one."""
        if self._given:
            return pulumi.Output.from_input(self._given["data_id"])
        return _public(self._all.apply(lambda all: cast("str", all["data_id"])))

    @property
    def network(self) -> pulumi.Resource:
        """What everything on the machines is deleted with: nothing where another stack has it."""
        if self._given:
            return _Network(pulumi.Output.from_input(self._given["network"]))
        return _Network(_public(self._all.apply(lambda all: _of_this_stack(all["network"]))))

    async def metadata(self) -> dict[str, dict[str, str]]:
        """Metadata by machine name, as far as it is known before the machines are there."""
        all = self._given or await self._all.future()
        return {one["name"]: dict(one["metadata"]) for one in all["machines"]} if all else {}


def _connections(access: AccessContent) -> dict[str, Connection]:
    return {one["name"]: one["connection"] for one in access["machines"]}


def _members(access: AccessContent) -> dict[str, Connection]:
    """The access of a stack from before names no members: the first machine is one."""
    count = int(access.get("members", 1))  # From another stack, a number comes as a float.
    names = [one["name"] for one in access["machines"]][:count]
    return {name: way for name, way in _connections(access).items() if name in names}


class _Network(DependencyResource):
    """A resource of which only the URN is known, and that when the program runs."""

    def __init__(self, urn: pulumi.Output[str]) -> None:
        super().__init__("")
        self.__dict__["urn"] = urn


def _of_this_stack(urn: pulumi.Input[str]) -> str:
    """The URN if this stack has it: the engine knows no others."""
    here = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::"
    return urn if isinstance(urn, str) and urn.startswith(here) else ""


def _public(value: pulumi.Output[T]) -> pulumi.Output[T]:
    """No secret, though it comes out of one."""
    return pulumi.Output.unsecret(value)
