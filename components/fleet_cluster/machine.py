"""One machine, whatever made it: all that the rest of the program knows of it."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict, cast

import pulumi
from pulumi_command import remote

SSH_USER = "core"


class SshKey(TypedDict):
    """The key pair of the machines' user."""

    private_key: pulumi.Input[str]
    """OpenSSH form. Secret."""
    public_key: pulumi.Input[str]
    """As in authorized_keys."""


class Proxy(TypedDict):
    """A bastion: the SSH server through which machines are reached."""

    host: str
    """Address or name."""
    port: int
    """Of its SSH server."""
    user: str
    """Who logs in there."""
    private_key: pulumi.Input[str]
    """That user's private key. Secret."""
    host_key: str
    """The bastion's public host key, as in authorized_keys."""


class Connection(TypedDict):
    """How to reach a machine by SSH, as user `core`."""

    host: pulumi.Input[str]
    """Address or name."""
    port: NotRequired[pulumi.Input[int]]
    """22 if not given."""
    private_key: pulumi.Input[str]
    """The user's private key, OpenSSH form. Secret."""
    host_key: pulumi.Input[str]
    """The machine's public host key, as in authorized_keys; any other machine is refused."""
    proxy: NotRequired[pulumi.Input[Proxy | None]]
    """A bastion on the way."""


class MachineAddress(TypedDict):
    """A machine that there is or will be, before anything of it is made."""

    name: str
    """Its host name, unique in the cluster: machine-1."""
    address: pulumi.Input[str]
    """Its address inside the cluster; it stays when the machine is made anew."""


class Machine(TypedDict):
    """A machine with Debian, systemd and Docker that answers to SSH."""

    name: str
    """Its host name, unique in the cluster: machine-1."""
    id: pulumi.Input[str]
    """The provider's resource id; another id is another machine, though the name is the same."""
    address: pulumi.Input[str]
    """Its address inside the cluster."""
    connection: Connection
    """How Pulumi reaches it."""
    way: NotRequired[Connection]
    """The same, known before the machine is there, and when it is made anew; `connection` is if not
    given."""
    metadata: Mapping[str, str]
    """fleet's metadata, for MachineMetadata=."""
    processor: NotRequired[str]
    """As Debian names it: arm64; this computer's if not given."""


def ssh(connection: Connection, dials: int = 30) -> remote.ConnectionArgs:
    """The command plugin's form of a connection.

    It keeps trying for some minutes, since a machine that was made a moment ago has to boot. Fewer
    `dials` are enough for one that has been there for a while.
    """
    return remote.ConnectionArgs(
        host=connection["host"],
        port=connection.get("port", 22),
        user=SSH_USER,
        private_key=connection["private_key"],
        host_key=connection["host_key"],
        proxy=_proxy(connection.get("proxy")),
        dial_error_limit=dials,
        per_dial_timeout=10,
    )


def _proxy(proxy: pulumi.Input[Proxy | None]) -> pulumi.Input[remote.ProxyConnectionArgs] | None:
    if isinstance(proxy, pulumi.Output):
        return cast("pulumi.Input[remote.ProxyConnectionArgs]", proxy.apply(_proxy_arguments))
    return _proxy_arguments(cast("Proxy | None", proxy))


def _proxy_arguments(proxy: Proxy | None) -> remote.ProxyConnectionArgs | None:
    if proxy is None:
        return None
    return remote.ProxyConnectionArgs(
        host=proxy["host"],
        port=proxy["port"],
        user=proxy["user"],
        private_key=proxy["private_key"],
        host_key=proxy["host_key"],
        dial_error_limit=10,
        per_dial_timeout=10,
    )
