"""The files with which OpenSSH reaches machines: their texts (pure)."""

from collections.abc import Mapping
from typing import cast

from ..machine import SSH_USER, Connection, Proxy
from .ssh_call import FOLDER

BASTION = "bastion"
"""The bastion's name in the configuration."""


def openssh_files(machines: Mapping[str, Connection]) -> dict[str, str]:
    """The texts of the files with which OpenSSH reaches these machines, by name (pure).

    Args:
        machines: by the names that they get, each with all of it known; all have the first one's
            key, and its bastion.
    """
    first = next(iter(machines.values()))
    proxy = cast("Proxy | None", first.get("proxy"))
    files = {
        "identity": _key(str(first["private_key"])),
        "known_hosts": known_hosts(machines, proxy),
        "ssh_config": ssh_config(machines, proxy),
    }
    return {**files, "proxy_identity": _key(str(proxy["private_key"]))} if proxy else files


def _key(given: str) -> str:
    """OpenSSH wants the last newline, which `pulumi config set` drops from a file."""
    return given.strip() + "\n"


def known_hosts(machines: Mapping[str, Connection], proxy: Proxy | None = None) -> str:
    """OpenSSH's known_hosts: each machine's pinned key, under its name."""
    bastion = f"{BASTION} {proxy['host_key']}\n" if proxy else ""
    return "".join(f"{name} {way['host_key']}\n" for name, way in machines.items()) + bastion


def ssh_config(machines: Mapping[str, Connection], proxy: Proxy | None = None) -> str:
    """OpenSSH's configuration, with `FOLDER` where the folder's path belongs."""
    head = f"""\
# Written by pulumi up. Use: ssh -F {FOLDER}/ssh_config {next(iter(machines))}
Host {" ".join(machines)}
    User {SSH_USER}
    IdentityFile {FOLDER}/identity
{_indented(_pinned())}"""
    entries = "".join(
        f"Host {name}\n"
        f"    HostName {way['host']}\n"
        f"    Port {int(cast('int', way.get('port', 22)))}\n"
        f"    HostKeyAlias {name}\n" + (f"    ProxyJump {BASTION}\n" if proxy else "")
        for name, way in machines.items()
    )
    return f"{head}{entries}{_bastion(proxy) if proxy else ''}Include ~/.ssh/config\n"


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
        # From another stack, a number comes as a float, and OpenSSH knows no port 22.0.
        f"Port {int(proxy['port'])}",
        f"User {proxy['user']}",
        f"HostKeyAlias {BASTION}",
        f"IdentityFile {FOLDER}/proxy_identity",
        *_pinned(),
    ]
    return f"Host {BASTION}\n" + _indented(lines)


def _indented(lines: list[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)
