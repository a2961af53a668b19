"""Reachability: writing through a dead machine fails within seconds, and says what helps.

The command plugin would dial on for minutes and end with an error of the network.
"""

import asyncio
import subprocess
from collections.abc import Mapping

import pulumi

from ..machine import Connection
from .openssh_files import openssh_files
from .ssh_call import REFRESH, SSH_FAILED, UnreachableError, call

MACHINE = "machine"
"""How it is called in OpenSSH's files."""
TRIES = 3
CONNECT_SECONDS = 5

_reachable: set[str] = set()
"""Machines that have answered in this run, by their pinned key and address."""


def before_writing(
    resource: str, connection: Connection, hooks: pulumi.ResourceHookBinding | None = None
) -> pulumi.ResourceHookBinding:
    """What a resource's hooks are, in an update one that asks whether its machine is there.

    Args:
        resource: its name.
        connection: the machine that it is written through.
        hooks: what it has besides, in previews.
    """
    if pulumi.runtime.is_dry_run():
        return hooks or pulumi.ResourceHookBinding()
    way = pulumi.Output.from_input({MACHINE: connection}).apply(openssh_files)
    address = pulumi.Output.from_input(connection["host"])

    async def insist(_: pulumi.ResourceHookArgs) -> None:
        files, place = await way.future(), await address.future()
        if files and place:
            await asyncio.to_thread(check_reachable, files, place)

    hook = pulumi.ResourceHook(f"{resource}-reach", insist)
    return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])


def check_reachable(files: Mapping[str, str], address: str) -> None:
    """Connect to the machine, once in a run.

    Raises:
        UnreachableError: with what ssh says.
    """
    known = files["known_hosts"] + address
    reason = "" if known in _reachable else refusal(files)
    if reason:
        raise UnreachableError(
            f"the machine at {address}, which this is written through, cannot be reached "
            f"({reason}): {REFRESH}"
        )
    _reachable.add(known)


def refusal(files: Mapping[str, str]) -> str:
    """Why there is no connection; empty if there is one, or no OpenSSH to try it with."""
    reason = ""
    for _ in range(TRIES):
        seconds = CONNECT_SECONDS * 2
        try:
            done = call(MACHINE, "true", files, connect_seconds=CONNECT_SECONDS, seconds=seconds)
        except FileNotFoundError:
            return ""
        except subprocess.TimeoutExpired:
            reason = f"no answer within {seconds} s"
            continue
        if done.returncode != SSH_FAILED:
            return ""
        reason = done.stderr.strip()
    return reason
