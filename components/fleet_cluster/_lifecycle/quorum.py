"""Quorum: no member of etcd goes as long as etcd needs it.

The machines decide (`fleet/setup/quorum.py`). An update asks them when a machine is to go, before
anything else is done; a preview asks them too, as far as the way to them is known by then.
"""

import asyncio
import json
import shlex
import subprocess
from collections.abc import Mapping

import pulumi

from ..fleet.setup.inputs import REFUSED, MachineRemoval, Members, StepInput
from ..machine import Connection
from .openssh_files import openssh_files
from .ssh_call import call_any

SECONDS = 60
"""For the members to answer, those that do not included."""
CONNECT_SECONDS = 3


class QuorumError(Exception):
    """The update would be refused; the message says why and what to do."""


def may_leave(name: str, address: str, machine: str, *, preview: bool = False) -> str:
    """The command that fails if a machine has to stay; `machine` is its own id, if known."""
    return _step("may-leave", MachineRemoval(name, address, machine, preview))


def may_shrink(members: Mapping[str, str]) -> str:
    """The command that fails if etcd cannot be made smaller, to members at these addresses."""
    return _step("may-shrink", Members(members))


def in_preview(
    name: str, members: Mapping[str, Connection], command: pulumi.Output[str]
) -> list[pulumi.ResourceHook]:
    """The hook with which a preview fails where the update would be refused; none in an update.

    It says nothing when no member can be asked.

    Args:
        name: the resource's that it is for.
        members: the machines that are asked, one after the other until one answers.
        command: `may_leave` or `may_shrink`.
    """
    if not pulumi.runtime.is_dry_run():
        return []
    way = pulumi.Output.from_input(dict(members)).apply(openssh_files)

    async def refuse(_: pulumi.ResourceHookArgs) -> None:
        files, asked = await way.future(), await command.future()
        if files and asked:
            objection = await asyncio.to_thread(ask, list(members), files, asked)
            if objection:
                raise QuorumError(objection)

    options = pulumi.ResourceHookOptions(on_dry_run=True)
    return [pulumi.ResourceHook(f"{name}-quorum", refuse, options)]


def ask(members: list[str], files: Mapping[str, str], command: str) -> str:
    """What the machines have against it; empty if nothing, or if none of them says."""
    seconds = SECONDS + CONNECT_SECONDS
    try:
        _, answer = call_any(
            members, command, files, connect_seconds=CONNECT_SECONDS, seconds=seconds
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        pulumi.debug(f"etcd's members do not say whether one of them may go: {error}")
        return ""
    return answer.stderr.strip() if answer.returncode == REFUSED else ""


def _step(step: str, asked: StepInput) -> str:
    """One that is refused says why on stderr, and changes nothing."""
    question = shlex.quote(json.dumps(asked.to_wire()))
    return f"echo {question} | sudo timeout {SECONDS} fleet-setup {step}"
