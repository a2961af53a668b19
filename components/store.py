"""Store: which data etcd holds, so that a store that lost it gets keys and units again."""

import shlex
from pathlib import Path, PurePosixPath
from typing import TypedDict

import pulumi
from pulumi_command import local

from .host import Host
from .ssh_config import openssh_files

FOLDER = PurePosixPath(".pulumi/store")
_PROBE = Path(__file__).with_name("store_probe.py")


class StoreArgs(TypedDict):
    """Whom to ask."""

    host: Host
    """A machine of the cluster."""


class Store(pulumi.ComponentResource):
    """The identity of the data in etcd, asked in every preview and every update.

    fleet gives an id to a store that has none. So another id says that the data were lost or put
    back, and whatever was written there is to be written again. While the machine does not answer,
    the id is the one that the last update has kept in a file.
    """

    id: pulumi.Output[str]
    """Changes when etcd's data were lost."""

    def __init__(
        self, name: str, args: StoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Ask when what it depends on is there; keep the answer."""
        super().__init__("fleet-cluster:index:Store", name, None, opts)
        path = FOLDER / pulumi.get_stack()
        self.id = self._ask(args, path, opts)
        keep = f"mkdir -p {FOLDER} && cat > {path}"
        local.Command(
            f"{name}-id",
            create=keep,
            update=keep,
            delete=f"rm -f {path}; rmdir {FOLDER} 2>/dev/null || true",
            stdin=self.id,
            # No child: what the cluster is deleted with takes its machines along, not this file.
            opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=self)]),
        )
        self.register_outputs({"id": self.id})

    def _ask(
        self, args: StoreArgs, kept: PurePosixPath, opts: pulumi.ResourceOptions | None
    ) -> pulumi.Output[str]:
        host = args["host"]
        files = openssh_files({host["name"]: host["connection"]})
        asked = local.run_output(
            command=f"python3 {shlex.quote(str(_PROBE))} {kept}",
            # The machine's key is a secret, and the command line is no place for one.
            stdin=pulumi.Output.json_dumps({"machine": host["name"], **files}),
            opts=pulumi.InvokeOutputOptions(
                parent=self, depends_on=opts.depends_on if opts else None
            ),
        )
        return pulumi.Output.unsecret(
            asked.apply(lambda answer: _told(answer.stdout, answer.stderr))
        )


def _told(id: str, trouble: str) -> str:
    if trouble:
        pulumi.log.warn(trouble)
    return id
