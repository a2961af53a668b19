"""SshConfig: the operator's way to the machines, for plain `ssh` and `fleetctl --tunnel`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import pulumi
from pulumi_command import local

from ._lifecycle.ssh_call import FOLDER, write_files
from .machine import SSH_USER, Connection, Machine, Proxy

BASTION = "bastion"
"""The bastion's name in the configuration."""
REMOVE = "rm -rf {folder}; rmdir {above} 2>/dev/null || true"


class SshConfigArgs(TypedDict):
    """For which machines, and where."""

    hosts: list[Machine]
    """The machines."""
    folder: str
    """Where the files go, relative to the program; made for the user alone."""


class SshConfig(pulumi.ComponentResource):
    """An ssh_config with the machines' names, their pinned host keys, and the private key.

    The files are of the computer, not of the stack: every update writes them where it runs, and
    whoever else has the stack's outputs can (`files`; `make env` does). Only their removal is a
    resource.
    """

    path: pulumi.Output[str]
    """The configuration: `ssh -F PATH machine-1`."""
    files: pulumi.Output[dict[str, str]]
    """The files' texts by name, with `@FOLDER@` for the full path of their folder. Secret."""

    def __init__(
        self, name: str, args: SshConfigArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Write the files; they go when the stack goes."""
        super().__init__("fleet-cluster:index:SshConfig", name, None, opts)
        folder = args["folder"]
        self.files = pulumi.Output.secret(
            pulumi.Output.all(
                **openssh_files({host["name"]: host["connection"] for host in args["hosts"]})
            )
        )
        # Gone before it is made anew: it must not take along what has just been written.
        removed = local.Command(
            f"{name}-files",
            delete=REMOVE.format(folder=folder, above=Path(folder).parent),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        written = pulumi.Output.all(self.files, removed.id).apply(lambda a: _write(a[0], folder))
        self.path = pulumi.Output.unsecret(written)
        self.register_outputs({"path": self.path, "files": self.files})


def _write(files: Mapping[str, str], folder: str) -> str:
    """Write them, unless this is a preview: the path of the configuration."""
    if not pulumi.runtime.is_dry_run():
        write_files(files, str(Path(folder).absolute()))
    return f"{folder}/ssh_config"


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
