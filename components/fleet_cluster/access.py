"""Access: all that units, keys and secrets need of a cluster, as one value.

In the program that makes the cluster it is a dict whose leaves are outputs, so that names and
metadata of machines are known in a first preview. From another stack, or in another language, it
comes as one output, which is a secret as a whole because of the private keys in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, TypeVar, cast

import pulumi
from pulumi.resource import DependencyResource

from .machine import Connection, Machine, Proxy

T = TypeVar("T")
Access = Mapping[str, Any]
"""What `Cluster.access` is. Nobody needs to know what is in it."""


class AccessContent(TypedDict):
    """What an access holds."""

    machines: list[dict[str, Any]]
    """Name, metadata and connection of each machine, members of etcd first."""
    data_id: pulumi.Input[str]
    """The etcd data id with the numbers of changes by hand; known when all machines are set up."""
    network: pulumi.Input[str]
    """URN of what everything on the machines is deleted with; empty if there is no such thing."""


def grant(
    machines: Sequence[Machine],
    data_id: pulumi.Output[str],
    ready: Sequence[pulumi.Resource],
    network: pulumi.Resource | None,
) -> dict[str, Any]:
    """The access to a cluster.

    Args:
        machines: members of etcd first.
        data_id: the etcd data id.
        ready: what whoever writes to the cluster waits for.
        network: what all machines are deleted with.
    """
    known_when_ready = pulumi.Output.all(data_id, *(one.urn for one in ready))
    shown = ("name", "metadata", "connection")
    content = AccessContent(
        machines=[{key: dict(machine)[key] for key in shown} for machine in machines],
        data_id=known_when_ready.apply(lambda all: str(all[0])),
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
    def connection(self) -> Connection:
        """The machine through which keys and units are written."""
        if self._given:
            return self._given["machines"][0]["connection"]
        first = self._all.apply(lambda all: cast("Connection", all["machines"][0]["connection"]))
        connection = Connection(
            host=_public(first.apply(lambda one: cast("str", one["host"]))),
            port=_public(first.apply(lambda one: cast("int", one.get("port", 22)))),
            private_key=first.apply(lambda one: cast("str", one["private_key"])),
            host_key=_public(first.apply(lambda one: cast("str", one["host_key"]))),
        )
        connection["proxy"] = first.apply(lambda one: cast("Proxy | None", one.get("proxy")))
        return connection

    def connections(self, first: int | None = None) -> pulumi.Output[dict[str, Connection]]:
        """The ways to the first machines by name, members of etcd before others; else to all."""
        if self._given:
            return pulumi.Output.from_input(_connections(self._given, first))
        return self._all.apply(lambda all: _connections(all, first))

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


def _connections(access: AccessContent, first: int | None) -> dict[str, Connection]:
    return {one["name"]: one["connection"] for one in access["machines"][:first]}


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
