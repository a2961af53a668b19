"""SshConfig: the operator's way to the machines, for plain `ssh` and `fleetctl --tunnel`."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypedDict

import pulumi
from pulumi_command import local

from .host import SSH_USER, Connection, Host, Proxy
from .ssh_call import FOLDER

BASTION = "bastion"
"""The bastion's name in the configuration."""
# The stack's state, which others may share, has no use for the folder's full path.
_WRITE = 'umask 077 && mkdir -p {folder} && sed "s|{mark}|$PWD/{folder}|" > {path}'

REMOVE = "rm -f {path} && {{ rmdir {folder} 2>/dev/null || true; }}"
"""The files go at the same time: the folder goes with whichever is the last, or is gone already."""


class SshConfigArgs(TypedDict):
    """For which machines, and where."""

    hosts: list[Host]
    """The machines."""
    folder: str
    """Where the files go, relative to the program; made for the user alone."""


class SshConfig(pulumi.ComponentResource):
    """An ssh_config with the machines' names, their pinned host keys, and the private key."""

    path: pulumi.Output[str]
    """The configuration: `ssh -F PATH machine-1`."""

    def __init__(
        self, name: str, args: SshConfigArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Write the files; they go when the stack goes."""
        super().__init__("fleet-cluster:index:SshConfig", name, None, opts)
        folder = args["folder"]
        files = openssh_files({host["name"]: host["connection"] for host in args["hosts"]})
        written = [self._write(folder, name, text) for name, text in files.items()]
        done = pulumi.Output.all(*(one.stdout for one in written))
        self.path = done.apply(lambda _: f"{folder}/ssh_config")
        self.register_outputs({"path": self.path})

    def _write(self, folder: str, name: str, content: pulumi.Input[str]) -> local.Command:
        path = PurePosixPath(folder) / name
        write = _WRITE.format(mark=FOLDER, folder=folder, path=path)
        return local.Command(
            name,
            create=write,
            update=write,
            delete=REMOVE.format(folder=folder, path=path),
            stdin=content,
            opts=pulumi.ResourceOptions(parent=self),
        )


def openssh_files(machines: Mapping[str, Connection]) -> dict[str, pulumi.Output[str]]:
    """The texts of the files with which OpenSSH reaches these machines, by name.

    Args:
        machines: by the names that they get; all have the first one's key, and its bastion.
    """
    first = next(iter(machines.values()))
    proxy = first.get("proxy")
    hosts = pulumi.Output.all(*(_entry(name, way) for name, way in machines.items()))
    files = {
        "identity": _key(first["private_key"]),
        "known_hosts": hosts.apply(lambda found: known_hosts(found, proxy)),
        "ssh_config": hosts.apply(lambda found: ssh_config(found, proxy)),
    }
    return {**files, "proxy_identity": _key(proxy["private_key"])} if proxy else files


def _entry(name: str, way: Connection) -> pulumi.Output[dict[str, str | int]]:
    return pulumi.Output.all(
        name=name, host=way["host"], port=way.get("port", 22), key=way["host_key"]
    )


def _key(given: pulumi.Input[str]) -> pulumi.Output[str]:
    """OpenSSH wants the last newline, which `pulumi config set` drops from a file."""
    return pulumi.Output.from_input(given).apply(lambda key: key.strip() + "\n")


def known_hosts(hosts: Sequence[dict[str, str | int]], proxy: Proxy | None = None) -> str:
    """OpenSSH's known_hosts: each machine's pinned key, under its name."""
    bastion = f"{BASTION} {proxy['host_key']}\n" if proxy else ""
    return "".join(f"{host['name']} {host['key']}\n" for host in hosts) + bastion


def ssh_config(hosts: Sequence[dict[str, str | int]], proxy: Proxy | None = None) -> str:
    """OpenSSH's configuration, with `FOLDER` where the folder's path belongs."""
    names = " ".join(str(host["name"]) for host in hosts)
    head = f"""\
# Written by pulumi up. Use: ssh -F {FOLDER}/ssh_config {hosts[0]["name"]}
Host {names}
    User {SSH_USER}
    IdentityFile {FOLDER}/identity
{_indented(_pinned())}"""
    machines = "".join(
        f"Host {host['name']}\n"
        f"    HostName {host['host']}\n"
        f"    Port {host['port']}\n"
        f"    HostKeyAlias {host['name']}\n" + (f"    ProxyJump {BASTION}\n" if proxy else "")
        for host in hosts
    )
    return f"{head}{machines}{_bastion(proxy) if proxy else ''}Include ~/.ssh/config\n"


def _pinned() -> list[str]:
    return [
        "IdentitiesOnly yes",
        f"UserKnownHostsFile {FOLDER}/known_hosts",
        "GlobalKnownHostsFile /dev/null",
        "StrictHostKeyChecking yes",
    ]


def _bastion(proxy: Proxy) -> str:
    lines = [
        f"HostName {proxy['host']}",
        f"Port {proxy['port']}",
        f"User {proxy['user']}",
        f"HostKeyAlias {BASTION}",
        f"IdentityFile {FOLDER}/proxy_identity",
        *_pinned(),
    ]
    return f"Host {BASTION}\n" + _indented(lines)


def _indented(lines: list[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)
