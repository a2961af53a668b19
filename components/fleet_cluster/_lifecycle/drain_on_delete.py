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
from .member_command import MemberCommandArgs, through_members
from .worker import dismissal

DRAIN_SECONDS = 300
"""For the units to run elsewhere. What has not left by then goes down with the machine."""
FOLDER = PurePosixPath(".fleet/drains")
"""In the home of core on a member: a file for each machine that is there, with the time at which it
was noted, so that a resource that is replaced, while its machine stays, drains nothing."""
FOLDER_BEFORE = PurePosixPath(".fleet/leaves")
"""The same of the library before, which may have noted a machine after this one: a stack that goes
back to it."""


class DrainOnDeleteArgs(TypedDict):
    """Which machine goes, and who drains it."""

    machine: Machine
    """The machine."""
    members: Mapping[str, Connection]
    """The ways to all of etcd's members by name. They wait for no machine: this one is in the load
    balancer when it is set up, whatever is still to be done about the others."""
    worker: NotRequired[bool]
    """Whether it keeps none of etcd's data, and etcd is to forget it."""
    asks_etcd: NotRequired[bool]
    """Whether it is a member of etcd, which decides whether it may go."""


class DrainOnDelete(pulumi.ComponentResource):
    """Drains a machine before it is removed, or made anew, through a member that answers.

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
        # In stacks from before, this one drains. It is updated to what has no end, and so that ends
        # nowhere: not through a machine that is dead by then, and with no machine drained.
        known = remote.Command(
            f"{machine['name']}-leave",
            connection=ssh(machine["connection"]),
            create="cat /etc/machine-id",
            triggers=[machine["id"]],
            opts=child_of(self, opts),
        )
        self.machine_id = known.stdout.apply(machine_id)
        """The machine's own id."""
        self._at_its_end(
            "drain",
            lambda asked, id, address: asked + unless_noted_since(id, self._end(id, address)),
            child_of(self, opts, pulumi.ResourceOptions(hooks=self._hooks())),
            create=self.machine_id.apply(note),
        )
        self.register_outputs({})

    def ask_before(self, opts: pulumi.ResourceOptions) -> None:
        """Ask etcd before something else of the machine goes, which goes before it is drained.

        Args:
            opts: what that depends on, and with what it is deleted. No child of this one: what goes
                first depends on that.
        """
        if self._args.get("asks_etcd"):
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
            asks = self._args.get("asks_etcd")
            asked = f"{quorum.may_leave(name, address, id)} || exit; " if asks else ""
            return command(asked, id, address)

        args = MemberCommandArgs(delete=known.apply(at_its_end), triggers=[self._machine["id"]])
        if create is not None:
            args["create"] = create
        through_members(f"{name}-{step}", dict(self._args["members"]), args, opts)

    def _hooks(self) -> pulumi.ResourceHookBinding:
        """It is made again when the machine is: then a preview asks, through the others."""
        name = self._machine["name"]
        others = {other: way for other, way in self._args["members"].items() if other != name}
        hooks: list[pulumi.ResourceHook] = []
        if others and self._args.get("asks_etcd"):
            asked = pulumi.Output.from_input(self._machine["address"]).apply(
                lambda address: quorum.may_leave(name, address, "", preview=True)
            )
            hooks = quorum.in_preview(f"{name}-leave", others, asked)
        return pulumi.ResourceHookBinding(before_create=hooks)


def note(machine: str) -> str:
    """The command that notes that a machine is there, and prints when.

    A time, since a member may have an older note of a machine than the one that answered last.
    """
    path = FOLDER / machine
    return f"mkdir -p {FOLDER} && date +%s%N > {path}.new && mv {path}.new {path} && cat {path}"


def unless_noted_since(machine: str, command: str) -> str:
    """The command, unless another resource has noted the machine since.

    Where there is no note, or the server does not let the plugin say what was printed, the command
    runs: it is better to empty a machine that stays than to leave one full that goes.
    """
    path, before = FOLDER / machine, FOLDER_BEFORE / machine
    return (
        f"noted=$(cat {path} 2>/dev/null || echo 0); "
        f'if [ "$noted" -gt "${{PULUMI_COMMAND_STDOUT:-$noted}}" ] || [ {before} -nt {path} ]; '
        f"then echo 'nothing to do: made anew' >&2; else rm -f {path}; {command}; fi"
    )


def drain(name: str, machine: str) -> str:
    """The command that empties a machine that goes, and that lets it go if it cannot."""
    limit = f"timeout {DRAIN_SECONDS + 30}"
    run = f"{limit} fleetctl drain --for-good --force --timeout {DRAIN_SECONDS} {machine}"
    return f"{run} || echo '{name} goes with what is left on it' >&2"


def machine_id(told: str) -> str:
    """The id that a machine tells: others run a command with it.

    In a preview of a stack from before it is what that has printed, a path that ends in the id.

    Raises:
        RunError: it cannot be one.
    """
    id = told.strip().rpartition("/")[2]
    try:
        check_id(id)
    except ValueError as error:
        raise pulumi.RunError(f"/etc/machine-id of a machine cannot be used: {error}") from error
    return id
