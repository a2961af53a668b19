"""Reachability: what is written goes through the first of etcd's members that answers.

The command plugin names one machine. So the program asks which one answers, once in a run, before
it says which. Where none does, an update fails within seconds, and says what helps: the plugin
would dial on for minutes and end with an error of the network.
"""

import asyncio
import subprocess
from asyncio import AbstractEventLoop, Task
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import pulumi

from ..access import ClusterAccess
from ..machine import Connection, Proxy
from .openssh_files import openssh_files
from .ssh_call import REFRESH, SSH_FAILED, UnreachableError, call

T = TypeVar("T")

MACHINE = "machine"
"""How it is called in OpenSSH's files."""
TRIES = 2
"""In an update; a preview does not wait as long for a cluster that is away."""
CONNECT_SECONDS = 5

_asked: WeakKeyDictionary[AbstractEventLoop, dict[str, Task[str]]] = WeakKeyDictionary()
"""By run, which has an event loop of its own: what came of each machine that was asked."""


def way_in(cluster: ClusterAccess) -> Connection:
    """The way through which keys and units are written to a cluster."""
    ways = pulumi.Output.all(cluster.members, cluster.ready)
    return _leaves(ways.apply(lambda known: _first_of(list(known[0].values()))))


def answering(members: Sequence[pulumi.Input[Connection]], ready: pulumi.Input[Any]) -> Connection:
    """The way to the first member that answers; to the first of all if none does.

    Args:
        members: the ways to etcd's members. Those after the one that answers are not waited for.
        ready: known when they are set up: before, none could answer.
    """
    known = pulumi.Output.from_input(ready)
    return _leaves(known.apply(lambda _: _first_of(members)))


def _leaves(chosen: pulumi.Output[Connection]) -> Connection:
    """A connection that has an output for each of its parts: its key alone is a secret."""
    return Connection(
        host=_public(chosen.apply(lambda way: cast("str", way["host"]))),
        port=_public(chosen.apply(lambda way: cast("int", way.get("port", 22)))),
        private_key=chosen.apply(lambda way: cast("str", way["private_key"])),
        host_key=_public(chosen.apply(lambda way: cast("str", way["host_key"]))),
        proxy=chosen.apply(lambda way: cast("Proxy | None", way.get("proxy"))),
    )


def _first_of(members: Sequence[pulumi.Input[Connection]]) -> pulumi.Output[Connection]:
    ways = [pulumi.Output.from_input(member) for member in members]
    return _first(ways, ways[0])


def _first(
    ways: Sequence[pulumi.Output[Connection]], otherwise: pulumi.Output[Connection]
) -> pulumi.Output[Connection]:
    if not ways:
        return otherwise
    way, *others = ways

    def or_another(answer: list[Any]) -> pulumi.Output[Connection]:
        known, reason = answer
        if not reason:
            return way
        pulumi.debug(f"not through the member of etcd at {known['host']}: {reason}")
        return _first(others, otherwise)

    asked = way.apply(lambda known: silence(openssh_files({MACHINE: known})))
    return pulumi.Output.all(way, asked).apply(or_another)


def before_writing(
    resource: str, connection: Connection, hooks: pulumi.ResourceHookBinding | None = None
) -> pulumi.ResourceHookBinding:
    """What a resource's hooks are, in an update one that fails if its machine does not answer.

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
            await check_reachable(files, place)

    hook = pulumi.ResourceHook(f"{resource}-reach", insist)
    return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])


async def check_reachable(files: Mapping[str, str], address: str) -> None:
    """Connect to the machine, unless it was asked before in this run.

    Raises:
        UnreachableError: with what ssh says.
    """
    if reason := await silence(files):
        raise UnreachableError(
            f"the machine at {address}, which this is written through, cannot be reached "
            f"({reason}), nor can another member of etcd: {REFRESH}"
        )


async def silence(files: Mapping[str, str]) -> str:
    """Why the machine does not answer; empty if it does. Each is asked once in a run."""
    asked = _asked.setdefault(asyncio.get_running_loop(), {})
    key = files["ssh_config"] + files["known_hosts"]
    if key not in asked:
        asked[key] = asyncio.create_task(asyncio.to_thread(refusal, files))
    return await asked[key]


def refusal(files: Mapping[str, str]) -> str:
    """Why there is no connection; empty if there is one, or no OpenSSH to try it with."""
    reason = ""
    for _ in range(1 if pulumi.runtime.is_dry_run() else TRIES):
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


def _public(value: pulumi.Output[T]) -> pulumi.Output[T]:
    """No secret, though it comes out of one."""
    return pulumi.Output.unsecret(value)
