"""etcd's members, as this computer reaches them: over SSH, whether etcd runs or not."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..cli.errors import CtlError
from .access import FromOutside
from .machines import Machines
from .ssh import SshHost, SshOptions

UPLOAD = ("sudo", "dd", "of=/var/lib/etcd/restore.db", "status=none")
STEP = ("sudo", "fleet-setup", "restore")


class MemberError(CtlError):
    """Error: a member did not do what was asked; the message is what it or ssh said."""


@dataclass(frozen=True)
class Member:
    """A member of etcd on a machine, and the way there."""

    name: str
    address: str
    state: Mapping[str, Any]
    """What its machine says of it."""
    ask: Callable[..., str] = field(repr=False)
    """Runs words there; gives what they print."""
    host: SshHost = SshHost("")
    """What OpenSSH knows its machine by."""

    def do(self, part: str, **asked: Any) -> Mapping[str, Any]:
        """Do a part of a restore: what the machine answers.

        Raises:
            MemberError: it did not work.
        """
        return _step(self.ask, part, **asked)

    def upload(self, snapshot: Path) -> None:
        """Bring a snapshot there.

        Raises:
            MemberError: it did not get there.
        """
        self.ask(UPLOAD, file=snapshot)


def for_all(members: Sequence[Member], do: Callable[[Member], Any]) -> dict[str, Any]:
    """Do the same for all members at once: what comes of it, or the MemberError, by name."""

    def attempt(member: Member) -> Any:
        try:
            return do(member)
        except MemberError as error:
            return error

    with ThreadPoolExecutor(max_workers=len(members)) as pool:
        done = list(pool.map(attempt, members))
    return {member.name: one for member, one in zip(members, done, strict=True)}


def find_members(machines: Machines) -> list[Member]:
    """The machines that are to keep etcd's data, in the cluster's order.

    Each machine knows their addresses; those that the ssh configuration names are asked first, and
    others reached through the first that answers.

    Raises:
        CtlError: one of them cannot be reached, or was not set up; nothing was changed.
    """
    if not isinstance(machines, FromOutside):
        raise CtlError(
            "restore goes to all of etcd's machines over SSH: run it on your own computer, with "
            "--tunnel HOST or FLEETCTL_TUNNEL=HOST"
        )
    tunnel = machines.tunnel
    found, troubles = _ask(tunnel.options, [tunnel.host, *tunnel.others])
    if not found:
        raise CtlError("none of the cluster's machines can be asked:\n" + "\n".join(troubles))
    first = next(iter(found.values()))
    wanted = [str(one) for one in first.state["members"]]
    for address in wanted:
        if address not in found:
            more, failed = _ask(tunnel.options, [SshHost(address, machines.ssh_port)], first.host)
            found, troubles = found | more, troubles + failed
    missing = [address for address in wanted if address not in found]
    if missing:
        raise CtlError(unreachable(missing, troubles))
    members = [found[address] for address in wanted]
    for one in members:
        if not one.name:
            raise CtlError(f"etcd was never set up at {one.address}: run pulumi up first")
    return members


def unreachable(missing: Sequence[str], troubles: Sequence[str]) -> str:
    """Message when members cannot be asked."""
    return (
        f"etcd's members at {', '.join(missing)} cannot be reached, and all of them have to give "
        "up what they have, so that there are never two clusters. Nothing was changed. Bring their "
        "machines back, or let pulumi up --refresh make them anew; then restore\n"
        + "\n".join(troubles)
    )


def _ask(
    options: SshOptions, hosts: Sequence[SshHost], jump: SshHost | None = None
) -> tuple[dict[str, Member], list[str]]:
    """Members by address, as far as these hosts are some, until all are known."""
    found: dict[str, Member] = {}
    troubles: list[str] = []
    wanted: set[str] = set()
    for host in hosts:
        if wanted and wanted <= found.keys():
            break
        ask = _asker(options, host, jump)
        try:
            state = _step(ask, "look")
        except MemberError as error:
            troubles.append(f"  {host.name}: {error}")
            continue
        wanted = set(state["members"])
        found[state["address"]] = Member(state["name"], state["address"], state, ask, host)
    return found, troubles


def _step(ask: Callable[..., str], part: str, **asked: Any) -> Mapping[str, Any]:
    nothing: dict[str, Any] = {"members": {}, "token": "", "revision": 0}
    wanted = {"part": part, **nothing, **asked}
    answer = ask(STEP, stdin=json.dumps(wanted).encode())
    try:
        return json.loads(answer)
    except ValueError as error:
        raise MemberError(f"it answers what cannot be used: {answer[:200]!r}") from error


def _asker(options: SshOptions, host: SshHost, jump: SshHost | None) -> Callable[..., str]:
    def ask(words: Sequence[str], stdin: bytes = b"", file: Path = Path(os.devnull)) -> str:
        call = options.command(host, words, jump=jump, flags=["-T"])
        with file.open("rb") as stream:
            if stdin:
                done = subprocess.run(call, input=stdin, capture_output=True, check=False)
            else:
                done = subprocess.run(call, stdin=stream, capture_output=True, check=False)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise MemberError(said or f"{shlex.join(words)} exited with {done.returncode}")
        return done.stdout.decode(errors="replace")

    return ask
