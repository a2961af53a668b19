"""Copies of releases on a machine: fleet's own software, etcd's and CoreDNS'."""

from collections.abc import Sequence
from pathlib import Path

import pulumi
from pulumi_command import remote

from ..machine import Machine, ssh
from . import ARCHIVES


def copies(
    machine: Machine, releases: Sequence[Path], opts: pulumi.ResourceOptions
) -> list[remote.CopyToRemote]:
    """What is copied to a machine before it is configured, and again when it is made anew.

    Args:
        machine: where to.
        releases: files in the order of `ARCHIVES`.
        opts: of each copy.
    """
    return [
        remote.CopyToRemote(
            f"{machine['name']}-{what}",
            connection=ssh(machine["connection"]),
            source=pulumi.FileAsset(str(release)),
            remote_path=path,
            triggers=[machine["id"]],
            opts=opts,
        )
        for (what, path), release in zip(ARCHIVES.items(), releases, strict=True)
    ]
