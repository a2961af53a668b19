"""EtcdData: what etcd holds, so that what was lost or changed by hand is written again."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TypedDict

import pulumi
from pulumi_command import local

from .._child_options import moved_below
from ..fleet.model.printable import printable
from ..machine import Machine
from .claims import claim_file, unless_claimed
from .openssh_files import openssh_files

FOLDER = PurePosixPath(".pulumi/store")
_PROBE = Path(__file__).with_name("etcd_data_probe.py")


class EtcdDataArgs(TypedDict):
    """Whom to ask."""

    machines: Sequence[Machine]
    """Machines of the cluster: asked one after the other until one answers."""


class EtcdData(pulumi.ComponentResource):
    """What etcd holds, asked in every preview and every update.

    fleet gives an id to data that have none. So another id says that the data were lost or put
    back, and whatever was written there is to be written again. What was changed by hand is to be
    written again too: so each unit and key has the number of times that this has happened. While
    no machine answers, all is as the last update has kept it in a file.
    """

    id: pulumi.Output[str]
    """The data's id; then, each after a space, NAME=TIMES of what was changed by hand."""

    def __init__(
        self, name: str, args: EtcdDataArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Ask when what it depends on is there; keep the answer."""
        super().__init__("fleet-cluster:index:Store", name, None, opts)
        path = FOLDER / pulumi.get_stack()
        self.id = self._ask(args, path, opts)
        keep = f"mkdir -p {FOLDER} && cat > {path}.new && {claim_file(path)}"
        local.Command(
            f"{name}-id",
            create=keep,
            update=keep,
            delete=unless_claimed(path, f"rmdir {FOLDER} 2>/dev/null || true"),
            stdin=self.id,
            # No child: what the machines are deleted with takes them along, not this file.
            opts=moved_below(
                opts.parent if opts and opts.parent else self,
                pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=self)]),
            ),
        )
        self.register_outputs({"id": self.id})

    def _ask(
        self, args: EtcdDataArgs, kept: PurePosixPath, opts: pulumi.ResourceOptions | None
    ) -> pulumi.Output[str]:
        connections = {one["name"]: one["connection"] for one in args["machines"]}
        files = pulumi.Output.from_input(connections).apply(openssh_files)
        asked = local.run_output(
            command=f"python3 {shlex.quote(str(_PROBE))} {kept}",
            # The machines' key is a secret, and the command line is no place for one.
            stdin=files.apply(
                lambda texts: json.dumps({"machines": " ".join(connections), **texts})
            ),
            opts=pulumi.InvokeOutputOptions(
                parent=self, depends_on=opts.depends_on if opts else None
            ),
        )
        return pulumi.Output.unsecret(
            asked.apply(lambda answer: _data_id(answer.stdout, answer.stderr))
        )


def _data_id(answer: str, trouble: str) -> str:
    """The id in an answer; what else it says is shown."""
    data_id, _, changed = answer.partition("\n")
    if trouble:
        pulumi.log.warn(printable(trouble, "\n"))
    if changed:
        names = printable(changed.strip())
        pulumi.log.info(f"changed by hand, to be written again: {names}")
    return data_id
