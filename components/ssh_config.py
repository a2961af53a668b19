"""SshConfig: the operator's way to the machines, for plain `ssh` and `fleetctl --tunnel`."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TypedDict

import pulumi
from pulumi_command import local

from .host import SSH_USER, Host

FOLDER = "@FOLDER@"
"""Stands for the folder's full path until the file is written: the stack's state, which others may
share, has no use for it."""
_WRITE = 'umask 077 && mkdir -p {folder} && sed "s|@FOLDER@|$PWD/{folder}|" > {path}'

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
        connections = [host["connection"] for host in args["hosts"]]
        hosts = [
            pulumi.Output.all(
                name=host["name"],
                host=host["connection"]["host"],
                port=host["connection"].get("port", 22),
                key=host["connection"]["host_key"],
            )
            for host in args["hosts"]
        ]
        folder = args["folder"]
        known = pulumi.Output.all(*hosts).apply(known_hosts)
        config = pulumi.Output.all(*hosts).apply(ssh_config)
        written = [
            self._write(folder, "identity", connections[0]["private_key"]),
            self._write(folder, "known_hosts", known),
            self._write(folder, "ssh_config", config),
        ]
        self.path = written[-1].stdout.apply(lambda _: f"{folder}/ssh_config")
        self.register_outputs({"path": self.path})

    def _write(self, folder: str, name: str, content: pulumi.Input[str]) -> local.Command:
        path = PurePosixPath(folder) / name
        write = _WRITE.format(folder=folder, path=path)
        return local.Command(
            name,
            create=write,
            update=write,
            delete=REMOVE.format(folder=folder, path=path),
            stdin=content,
            opts=pulumi.ResourceOptions(parent=self),
        )


def known_hosts(hosts: Sequence[dict[str, str | int]]) -> str:
    """OpenSSH's known_hosts: each machine's pinned key, under its name."""
    return "".join(f"{host['name']} {host['key']}\n" for host in hosts)


def ssh_config(hosts: Sequence[dict[str, str | int]]) -> str:
    """OpenSSH's configuration, with `FOLDER` where the folder's path belongs."""
    head = f"""\
# Written by pulumi up. Use: ssh -F {FOLDER}/ssh_config {hosts[0]["name"]}
Host {" ".join(str(host["name"]) for host in hosts)}
    User {SSH_USER}
    IdentityFile {FOLDER}/identity
    IdentitiesOnly yes
    UserKnownHostsFile {FOLDER}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
"""
    machines = "".join(
        f"Host {host['name']}\n"
        f"    HostName {host['host']}\n"
        f"    Port {host['port']}\n"
        f"    HostKeyAlias {host['name']}\n"
        for host in hosts
    )
    return f"{head}{machines}Include ~/.ssh/config\n"
