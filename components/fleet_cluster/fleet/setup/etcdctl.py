"""etcd's members, asked with `etcdctl` as etcd's root."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from socket import create_connection
from typing import Any, Protocol
from urllib.parse import urlsplit

from ..etcd_configuration import ETCD_PKI
from .files import CLIENT_PORT, PEER_PORT
from .shell import StepError, run, say, until

PATIENCE = 90.0
"""Seconds that a member gets to answer, and a learner to catch up."""
ROOT = {
    "ETCDCTL_CACERT": f"{ETCD_PKI}/ca.crt",
    "ETCDCTL_CERT": f"{ETCD_PKI}/root.crt",
    "ETCDCTL_KEY": f"{ETCD_PKI}/root.key",
}


@dataclass(frozen=True)
class EtcdMember:
    """A member as etcd knows it. One that never started has no name."""

    id: str
    name: str
    peer: str
    learner: bool

    @property
    def address(self) -> str:
        """Address of its machine."""
        return _host(self.peer)


class Run(Protocol):
    """`shell.run`."""

    def __call__(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """Output of a program that has ended well."""
        ...


def dial(address: str) -> None:
    """Connects to a member once: `etcdctl` would go on dialling a port where nobody listens.

    Raises:
        OSError: nobody listens there, or it does not answer within 2 s.
    """
    create_connection((address, CLIENT_PORT), timeout=2).close()


@dataclass(frozen=True)
class Etcdctl:
    """etcd's command line client. Members are named by their machines' addresses."""

    run: Run = run
    dial: Callable[[str], None] = dial

    def __call__(self, addresses: Sequence[str], *arguments: str) -> str:
        """Output of a command.

        Raises:
            StepError: it failed; with what it said.
        """
        urls = ",".join(f"https://{address}:{CLIENT_PORT}" for address in addresses)
        limits = ("--dial-timeout=3s", "--command-timeout=8s")
        return self.run("etcdctl", f"--endpoints={urls}", *limits, *arguments, env=ROOT)

    def members(self, addresses: Sequence[str]) -> list[EtcdMember]:
        """Members that the cluster knows."""
        listed = json.loads(self(addresses, "member", "list", "--write-out=json"))
        return [
            EtcdMember(
                id=f"{one['ID']:x}",
                name=one.get("name", ""),
                peer=one["peerURLs"][0],
                learner=one.get("isLearner", False),
            )
            for one in listed["members"]
        ]

    def leader(self, addresses: Sequence[str]) -> str:
        """Address of the leader, which is one of these.

        Raises:
            StepError: it is none of them, or one of them does not answer.
        """
        for one in self._statuses(addresses):
            if one["Status"]["leader"] == one["Status"]["header"]["member_id"]:
                return _host(one["Endpoint"])
        raise StepError(f"none of {', '.join(addresses)} leads etcd")

    def versions(self, addresses: Sequence[str]) -> dict[str, str]:
        """Versions of those that answer, with a leader or without, by address."""
        found: dict[str, str] = {}
        for address in addresses:
            try:
                self.dial(address)
                [one] = self._statuses([address])
            except (StepError, OSError):
                continue  # It is asked again where it is needed.
            found[address] = one["Status"]["version"]
        return found

    def _statuses(self, addresses: Sequence[str]) -> list[dict[str, Any]]:
        if not addresses:
            return []
        return json.loads(self(addresses, "endpoint", "status", "--write-out=json"))

    def size(self, addresses: Sequence[str]) -> int:
        """Bytes that the largest of these members' data take."""
        return max((one["Status"]["dbSize"] for one in self._statuses(addresses)), default=0)

    def clear_alarm(self, addresses: Sequence[str]) -> None:
        """Lets etcd take writes again, if it has had no room and each of these has some."""
        statuses = [one["Status"] for one in self._statuses(self.reachable(addresses))]
        troubles = {trouble for one in statuses for trouble in one.get("errors", ())}
        has_room = all(one["dbSize"] < one.get("dbSizeQuota", 0) for one in statuses)
        # It is for all alarms at once, also of what is worse.
        if troubles and has_room and all("alarm:NOSPACE" in trouble for trouble in troubles):
            say("etcd has room again: its alarm is cleared")
            self(addresses, "alarm", "disarm")

    def reachable(self, addresses: Sequence[str]) -> list[str]:
        """Those that answer, with a leader; asking a dead one would only cost time."""
        return [address for address in addresses if self.healthy(address)]

    def healthy(self, address: str) -> bool:
        """Whether this member answers, with a leader."""
        try:
            self.dial(address)
            # As `endpoint health` asks; that also says no when etcd only has no room.
            self([address], "get", "health")
        except (StepError, OSError):
            return False
        return True

    def wait_for(self, name: str, address: str) -> None:
        """Waits until the member of a machine answers.

        Raises:
            StepError: it does not; with its journal.
        """
        self.wait(lambda: self.healthy(address), f"etcd on {name} to answer")

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        """Waits until it is so; etcd has no event for it.

        Raises:
            StepError: patience is at its end; with the last refusal, and etcd's journal.
        """
        refusals = [""]

        def asked() -> bool:
            try:
                return ready()
            except StepError as error:  # A learner lags behind, or an election is going on.
                refusals.append(f"; the last answer: {error}")
                return False

        if not until(asked, PATIENCE):
            lines = self.run("journalctl", "--no-pager", "--lines=20", "--unit=etcd.service")
            raise StepError(
                f"waited {PATIENCE:.0f} s for {what}{refusals[-1]}\nThe journal of etcd:\n{lines}"
            )


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def peer_url(address: str) -> str:
    """URL at which a member's peers reach it."""
    return f"https://{address}:{PEER_PORT}"
