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

    The first machine that answers says at which addresses. What another one says of itself is
    believed only as far as the way to it bears it out: a member gets all that etcd holds.

    Raises:
        CtlError: one of them cannot be reached, or was not set up; nothing was changed.
    """
    if not isinstance(machines, FromOutside):
        raise CtlError(
            "restore goes to all of etcd's machines over SSH: run it on your own computer, with "
            "--tunnel HOST or FLEETCTL_TUNNEL=HOST"
        )
    tunnel = machines.tunnel
    search = _Search(tunnel.options, [tunnel.host, *tunnel.others])
    first = search.first()
    if first is None:
        raise CtlError(
            "none of the cluster's machines can be asked:\n" + "\n".join(search.troubles)
        )
    wanted = [str(one) for one in first.state["members"]]
    found = search.by_address(wanted)
    found |= search.by_name([one for one in wanted if one not in found])
    missing = [one for one in wanted if one not in found]
    found |= search.through(first.host, missing, machines.ssh_port)
    if missing := [address for address in wanted if address not in found]:
        raise CtlError(unreachable(missing, search.troubles))
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


@dataclass(frozen=True)
class _Search:
    """A search for members: where ssh reaches a machine, and what that one says of itself."""

    options: SshOptions
    hosts: Sequence[SshHost]
    """Those that have a name in the ssh configuration, or were named by the user."""
    troubles: list[str] = field(default_factory=list[str])
    answers: dict[str, Member | None] = field(default_factory=dict[str, Member | None])

    def first(self) -> Member | None:
        """The first machine that answers."""
        return next((one for host in self.hosts if (one := self._look(host))), None)

    def by_address(self, wanted: Sequence[str]) -> dict[str, Member]:
        """Members at addresses where the ssh configuration says that these hosts are."""
        hosts = {self._place(host): host for host in reversed(self.hosts)}
        asked = {address: self._look(hosts[address]) for address in wanted if address in hosts}
        return {at: one for at, one in asked.items() if one and self._is_at(one, at)}

    def by_name(self, wanted: Sequence[str]) -> dict[str, Member]:
        """Members that call themselves as ssh does, where nobody else says to be at the address.

        It is for ports of this computer that lead to machines: their addresses are not seen there.
        """
        if not wanted:
            return {}
        answers = [one for host in dict.fromkeys(self.hosts) if (one := self._look(host))]
        claims = {at: [one for one in answers if one.address == at] for at in wanted}
        return {at: ones[0] for at, ones in claims.items() if ones and self._is_named(at, ones)}

    def through(self, jump: SshHost, wanted: Sequence[str], port: int) -> dict[str, Member]:
        """Members that are asked at their addresses, from a machine that answers."""
        asked = {address: self._look(SshHost(address, port), jump) for address in wanted}
        return {at: one for at, one in asked.items() if one and self._is_at(one, at)}

    def _look(self, host: SshHost, jump: SshHost | None = None) -> Member | None:
        """What a machine says, asked once a way."""
        way = f"{jump.name if jump else ''} {host.name}"
        if way not in self.answers:
            self.answers[way] = None
            ask = _asker(self.options, host, jump)
            try:
                state = _step(ask, "look")
                self.answers[way] = Member(state["name"], state["address"], state, ask, host)
            except MemberError as error:
                self.troubles.append(f"  {host.name}: {error}")
        return self.answers[way]

    def _place(self, host: SshHost) -> str:
        """Where ssh connects to for a host; its name if ssh does not say."""
        call = self.options.resolve(host.name)
        told = subprocess.run(
            call, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        ).stdout
        places = [line.split()[1] for line in told.splitlines() if line.startswith("hostname ")]
        return places[0] if places else host.name

    def _is_at(self, one: Member, address: str) -> bool:
        if one.address != address:
            self.troubles.append(
                f"  {one.host.name}: it was reached at {address}, and says that it is "
                f"{one.address}: not taken for a member"
            )
        return one.address == address

    def _is_named(self, address: str, ones: Sequence[Member]) -> bool:
        if len(ones) > 1:
            names = ", ".join(one.host.name for one in ones)
            self.troubles.append(f"  {names}: each says that it is {address}: none is believed")
            return False
        [one] = ones
        if one.name != one.host.name:
            self.troubles.append(
                f"  {one.host.name}: it says that it is {one.name or 'no member'} at {address}, "
                "where ssh does not reach it: not taken for a member"
            )
        return one.name == one.host.name


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
