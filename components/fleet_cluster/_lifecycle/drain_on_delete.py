"""DrainOnDelete: a machine is drained before it goes, a member of etcd only if etcd lets it go."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NotRequired, TypedDict

import pulumi
from pulumi_command import remote

from .._child_options import child_of
from ..fleet.model.printable import check_id
from ..machine import Connection, Machine, ssh
from . import quorum
from .claims import claim_file, unless_claimed
from .worker import dismissal

DRAIN_SECONDS = 300
"""For the units to run elsewhere. What has not left by then goes down with the machine."""
FOLDER = PurePosixPath(".fleet/leaves")
"""In the home of core on the machine that fleetctl runs on: a file for each machine that is there,
so that a resource that is replaced, while its machine stays, drains nothing."""


class DrainOnDeleteArgs(TypedDict):
    """Which machine goes, and who drains it."""

    machine: Machine
    """The machine."""
    via: Connection
    """The machine that fleetctl runs on: another one, so that this one may be dead by then."""
    worker: NotRequired[bool]
    """Whether it keeps none of etcd's data, and etcd is to forget it."""
    members: NotRequired[Mapping[str, Connection]]
    """All of etcd's members by name, if it is one of them and etcd decides whether it may go."""


class DrainOnDelete(pulumi.ComponentResource):
    """Drains a machine before it is removed, or made anew.

    The machine is known by its own id, since its name and address may be another's by then. One
    that is lost, or not known any more, goes at once. A member of etcd that etcd cannot do
    without is not even drained: the update ends with the reason, and has changed nothing.

    Give it, or its parent, `deleted_with`: then the end of the whole cluster waits for nothing,
    and asks for nothing.
    """

    def __init__(
        self, name: str, args: DrainOnDeleteArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Learn the machine's id; all else is done at its end."""
        super().__init__("fleet-cluster:index:Leave", name, None, opts)
        self._args = args
        machine = self._machine = args["machine"]
        self._members = args.get("members", {})
        self._known = remote.Command(
            f"{machine['name']}-id",
            connection=ssh(machine["connection"]),
            create="cat /etc/machine-id",
            triggers=[machine["id"]],
            add_previous_output_in_env=False,
            opts=child_of(self, opts),
        )
        self.machine_id = self._known.stdout.apply(machine_id)
        """The machine's own id."""
        self._at_its_end(
            "leave",
            lambda asked, id, address: asked + unless_claimed(FOLDER / id, self._end(id, address)),
            child_of(self, opts, pulumi.ResourceOptions(hooks=self._hooks())),
            create=self.machine_id.apply(stay),
        )
        self.register_outputs({})

    def ask_before(self, opts: pulumi.ResourceOptions) -> None:
        """Ask etcd before something else of the machine goes, which goes before it is drained.

        Args:
            opts: what that depends on, and with what it is deleted. No child of this one: what goes
                first depends on that.
        """
        if self._members:
            self._at_its_end("quorum", lambda asked, _id, _address: f"{asked}true", opts)

    def _end(self, id: str, address: str) -> str:
        """A worker's last reports come while it is drained."""
        name = self._machine["name"]
        forgotten = f"; {dismissal(name, address, id)}" if self._args.get("worker") else ""
        return drain(name, id) + forgotten

    def _at_its_end(
        self,
        step: str,
        command: Callable[[str, str, str], str],
        opts: pulumi.ResourceOptions,
        create: pulumi.Input[str] | None = None,
    ) -> None:
        """Run a command when the machine goes: of what is to succeed before, its id and address."""
        name = self._machine["name"]
        known = pulumi.Output.all(self.machine_id, self._machine["address"])

        def at_its_end(known: Sequence[str]) -> str:
            id, address = known
            asked = f"{quorum.may_leave(name, address, id)} || exit; " if self._members else ""
            return command(asked, id, address)

        remote.Command(
            f"{name}-{step}",
            connection=ssh(self._args["via"], dials=3),
            create=create,
            delete=known.apply(at_its_end),
            triggers=[self._machine["id"]],
            # By which the end of a resource knows whether it has been made anew.
            add_previous_output_in_env=create is not None,
            opts=opts,
        )

    def _hooks(self) -> pulumi.ResourceHookBinding:
        """It is made again when the machine is: then a preview asks, through the others."""
        name = self._machine["name"]
        others = {other: way for other, way in self._members.items() if other != name}
        hooks: list[pulumi.ResourceHook] = []
        if others:
            asked = pulumi.Output.from_input(self._machine["address"]).apply(
                lambda address: quorum.may_leave(name, address, "", preview=True)
            )
            hooks = quorum.in_preview(f"{name}-leave", others, asked)
        return pulumi.ResourceHookBinding(before_create=hooks)


def stay(machine: str) -> str:
    """The command that notes that a machine is there."""
    path = FOLDER / machine
    return f"mkdir -p {FOLDER} && : > {path}.new && {claim_file(path)}"


def drain(name: str, machine: str) -> str:
    """The command that empties a machine that goes, and that lets it go if it cannot."""
    limit = f"timeout {DRAIN_SECONDS + 30}"
    run = f"{limit} fleetctl drain --for-good --force --timeout {DRAIN_SECONDS} {machine}"
    return f"{run} || echo '{name} goes with what is left on it' >&2"


def machine_id(told: str) -> str:
    """The id that a machine tells: others run a command with it.

    Raises:
        RunError: it cannot be one.
    """
    id = told.strip()
    try:
        check_id(id)
    except ValueError as error:
        raise pulumi.RunError(f"/etc/machine-id of a machine cannot be used: {error}") from error
    return id
