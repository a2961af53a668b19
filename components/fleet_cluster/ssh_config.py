"""SshConfig: the operator's way to the machines, for plain `ssh` and `fleetctl --tunnel`."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi
from pulumi_command import local

from ._lifecycle.openssh_files import openssh_files
from ._lifecycle.ssh_call import write_files
from .access import Access, ClusterAccess


class SshConfigArgs(TypedDict):
    """For which cluster, and where."""

    cluster: pulumi.Input[Access]
    """The cluster whose machines are reached: `Cluster.access`."""
    folder: NotRequired[str]
    """Where the files go, relative to the program; made for the user alone. .pulumi/ssh/STACK if
    not given."""


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
        folder = args.get("folder", f".pulumi/ssh/{pulumi.get_stack()}")
        ways = ClusterAccess(args["cluster"]).connections
        self.files = pulumi.Output.secret(ways.apply(openssh_files))
        # Gone before it is made anew: it must not take along what has just been written.
        removed = local.Command(
            f"{name}-files",
            delete=removal(folder),
            # With another folder, the one before goes at once: a key is in it.
            triggers=[folder] if "folder" in args else None,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        written = pulumi.Output.all(self.files, removed.id).apply(lambda a: _write(a[0], folder))
        self.path = pulumi.Output.unsecret(written)
        self.register_outputs({"path": self.path, "files": self.files})


def removal(folder: str) -> str:
    """The command that removes just what was written: a shell has a reading of its own for ~."""
    above = shlex.quote(str(Path(folder).parent))
    return f"rm -rf {shlex.quote(folder)}; rmdir {above} 2>/dev/null || true"


def _write(files: Mapping[str, str], folder: str) -> str:
    """Write them, unless this is a preview: the path of the configuration."""
    if not pulumi.runtime.is_dry_run():
        write_files(files, str(Path(folder).absolute()))
    return f"{folder}/ssh_config"
