"""Leave: a machine is emptied before it goes."""

from pathlib import PurePosixPath
from typing import TypedDict

import pulumi
from pulumi_command import remote

from .claims import claim_file, unless_claimed
from .host import Connection, Host, ssh

DRAIN_SECONDS = 300
"""For the units to run elsewhere. What has not left by then goes down with the machine."""
FOLDER = PurePosixPath(".fleet/leaves")
"""In the home of core on the machine that fleetctl runs on: a file for each machine that is there,
so that a resource that is replaced, while its machine stays, drains nothing."""


class LeaveArgs(TypedDict):
    """Who leaves, and who sees to it."""

    host: Host
    """The machine."""
    via: Connection
    """The machine that fleetctl runs on: another one, so that this one may be dead by then."""


class Leave(pulumi.ComponentResource):
    """Drains a machine before it is removed, or made anew.

    The machine is known by its own id, since its name and address may be another's by then. One
    that is lost, or not known any more, leaves at once.

    Give it, or its parent, `deleted_with`: then the end of the whole cluster waits for nothing.
    """

    def __init__(
        self, name: str, args: LeaveArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Learn the machine's id; all else is done at its end."""
        super().__init__("fleet-cluster:index:Leave", name, None, opts)
        host = args["host"]
        known = remote.Command(
            f"{host['name']}-id",
            connection=ssh(host["connection"]),
            create="cat /etc/machine-id",
            triggers=[host["id"]],
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        remote.Command(
            f"{host['name']}-leave",
            connection=ssh(args["via"]),
            create=known.stdout.apply(lambda id: stay(id.strip())),
            delete=known.stdout.apply(lambda id: drain(host["name"], id.strip())),
            triggers=[host["id"]],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def stay(machine: str) -> str:
    """The command that notes that a machine is there."""
    path = FOLDER / machine
    return f"mkdir -p {FOLDER} && : > {path}.new && {claim_file(path)}"


def drain(name: str, machine: str) -> str:
    """The command that empties a machine that goes, and that lets it go if it cannot."""
    limit = f"timeout {DRAIN_SECONDS + 30}"
    run = f"{limit} fleetctl drain --for-good --force --timeout {DRAIN_SECONDS} {machine}"
    leave = f"{run} || echo '{name} goes with what is left on it' >&2"
    return unless_claimed(FOLDER / machine, leave)
