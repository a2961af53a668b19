"""The quorum: which members etcd can do without.

The steps `may-leave` and `may-shrink` ask, `etcd-members` removes, `etcd` restarts.

All are asked before anything is changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..config import Config, read
from ..model.keys import REBOOT_LOCK, address_key
from ..model.reboots import RebootLock
from ..model.record import BadRecordError
from .etcdctl import Etcdctl
from .inputs import MachineRemoval, Members
from .shell import RefusedError, StepError, say, until

PATIENCE = 10.0
"""Seconds that members get to answer: an election may be going on."""
LOST = (
    "etcd has lost its majority, and the data of each of its members may be needed: none may go. "
    "Nothing was changed. Bring the other members back first, or restore a snapshot"
)

NOT_NOW = (
    "etcd has lost its majority: no member is restarted. Nothing was changed. Bring the other "
    "members back first"
)


@dataclass(frozen=True)
class Voter:
    """A member of etcd whose vote counts."""

    name: str
    address: str
    answers: bool
    """Whether it answers, with a leader."""


@dataclass(frozen=True)
class Quorum:
    """The members that etcd needs."""

    etcdctl: Etcdctl = Etcdctl()
    config: Callable[[], Config] = read
    patience: float = PATIENCE

    def may_leave(self, stdin: str) -> None:
        """The step `may-leave`: refuses that a machine goes as long as etcd needs its member.

        Raises:
            RefusedError: it has to stay.
        """
        asked = MachineRemoval.from_json(stdin)
        self._insist(lambda: self._objection(asked))
        say(f"etcd can do without {asked.name}")

    def may_shrink(self, stdin: str) -> None:
        """The step `may-shrink`: refuses that etcd gets smaller while one that stays is missing.

        Raises:
            RefusedError: it has to stay as it is.
        """
        addresses = list(Members[str].from_json(stdin).members.values())

        def objection() -> str:
            cluster = self.etcdctl.reachable(addresses)
            return shrinking(addresses, self._voters(cluster)) if cluster else LOST

        self._insist(objection)

    def remove_members(self, stdin: str) -> None:
        """The step `etcd-members`: removes the members that are not wanted any more, one by one.

        Those that do not answer go first: without them, etcd needs fewer of the others.

        Raises:
            RefusedError: one of those that stay does not answer.
        """
        addresses = list(Members[str].from_json(stdin).members.values())
        surplus = [one for one in self.etcdctl.members(addresses) if one.address not in addresses]
        if not surplus:
            return
        self.may_shrink(stdin)
        healthy = self.etcdctl.healthy
        for one in sorted(surplus, key=lambda one: healthy(one.address)):
            say(f"etcd: removing member {one.name}")
            self.etcdctl(addresses, "member", "remove", one.id)
            self.etcdctl.wait(
                lambda: all(map(healthy, addresses)), "the remaining members to be healthy"
            )

    def may_restart(self, address: str, members: Sequence[str]) -> None:
        """Refuses that a member is restarted as long as etcd needs it.

        Args:
            address: of its machine.
            members: addresses of all machines that are to keep etcd's data.

        Raises:
            RefusedError: it has to run on.
        """

        def objection() -> str:
            cluster = self.etcdctl.reachable(members)
            if not cluster:
                return NOT_NOW if len(members) > 1 else ""
            found = restarting(address, self._voters(cluster))
            return found or self._rebooting(self._owner(address, cluster), cluster)

        self._insist(objection)

    def _insist(self, objection: Callable[[], str]) -> None:
        """Asks again for a while, then refuses.

        Raises:
            RefusedError: with the last objection.
        """
        objections = [""]

        def none() -> bool:
            try:
                objections.append(objection())
            except StepError as error:  # An election may be going on.
                objections.append(str(error))
            return not objections[-1]

        if not until(none, self.patience):
            raise RefusedError(objections[-1])

    def _objection(self, asked: MachineRemoval) -> str:
        """What etcd's members, asked now, have against a machine's going; empty if nothing."""
        if asked.preview and not self.etcdctl.healthy(asked.address):
            return ""
        known = [place.rpartition(":")[0] for place in self.config().endpoints]
        cluster = self.etcdctl.reachable(known)
        if not cluster:
            return LOST
        if self._has_successor(asked.machine, asked.address, cluster):
            return ""
        found = objection(asked.address, self._voters(cluster))
        if found or asked.preview:
            return found
        return self._rebooting(asked.machine or self._owner(asked.address, cluster), cluster)

    def _has_successor(self, machine: str, address: str, cluster: list[str]) -> bool:
        """Whether another machine has the address: this one was gone before it was asked for."""
        owner = self._owner(address, cluster)
        return bool(machine and owner) and owner != machine

    def _owner(self, address: str, cluster: list[str]) -> str:
        """The id of the machine that has an address; empty if it is not known."""
        return self.etcdctl(cluster, "get", "--print-value-only", address_key(address)).strip()

    def _rebooting(self, machine: str, cluster: list[str]) -> str:
        """What speaks against it that another machine's turn to reboot has come.

        Nothing, once that does not end: no order is open then, and who is missing is seen.
        """
        text = self.etcdctl(cluster, "get", "--print-value-only", REBOOT_LOCK).strip()
        try:
            lock = RebootLock.from_json(text) if text else None
        except BadRecordError:  # Nobody is told to reboot by it; fleet's leader tells of it.
            return ""
        if lock is None or lock.failure or lock.machine == machine:
            return ""
        return another_reboots(lock.machine)

    def _voters(self, cluster: list[str]) -> list[Voter]:
        """Members that vote, asked one by one; those in `cluster` have answered already."""
        return [
            Voter(
                one.name,
                one.address,
                one.address in cluster or self.etcdctl.healthy(one.address),
            )
            for one in self.etcdctl.members(cluster)
            if not one.learner
        ]


def objection(address: str, voters: Sequence[Voter]) -> str:
    """Why the member at this address has to stay; empty if it may go."""
    here = next((one for one in voters if one.address == address), None)
    if here is None:
        return ""
    if len(voters) == 1:
        return sole(here.name)
    others = [one for one in voters if one is not here]
    majority = len(voters) // 2 + 1
    if sum(one.answers for one in others) >= majority:
        return ""
    silent = sorted(one.name for one in others if not one.answers)
    why = _do_not_answer(silent) if silent else "has no other"
    return (
        f"{here.name} has to stay: etcd needs {majority} of its {len(voters)} members, and {why}. "
        f"Nothing was changed. {bring_back(silent)}"
    )


def restarting(address: str, voters: Sequence[Voter]) -> str:
    """Why the member at this address cannot be restarted now; empty if it can.

    It can where all others answer, however few they are: there is none to wait for.
    """
    here = next((one for one in voters if one.address == address and one.answers), None)
    silent = sorted(one.name for one in voters if one is not here and not one.answers)
    majority = len(voters) // 2 + 1
    if here is None or not silent or len(voters) - 1 - len(silent) >= majority:
        return ""
    return (
        f"etcd on {here.name} cannot be restarted: etcd needs {majority} of its {len(voters)} "
        f"members, and {_do_not_answer(silent)}. Nothing was changed. {bring_back(silent)}"
    )


def another_reboots(machine: str) -> str:
    """What is said while a machine's turn to reboot has come, by its id."""
    return (
        f"machine {machine} is rebooted by fleet, so no other may be away. Nothing was changed. "
        "Wait until it is back (fleetctl list-machines), or end the reboots (fleetctl reboot "
        "--unlock); then run this again"
    )


def shrinking(staying: Sequence[str], voters: Sequence[Voter]) -> str:
    """Why etcd cannot be made smaller, to the members at these addresses; empty if it can."""
    silent = sorted(one.name for one in voters if one.address in staying and not one.answers)
    if not silent or all(one.address in staying for one in voters):
        return ""
    return (
        f"etcd has to keep its {len(voters)} members: of those that are to stay, "
        f"{_do_not_answer(silent)}. Nothing was changed. {bring_back(silent)}"
    )


def bring_back(silent: Sequence[str]) -> str:
    """What to do about members that do not answer."""
    if not silent:
        return "Let pulumi up bring the other members into etcd first, with the program as it was"
    targets = " ".join(f"--target '**::{name}' --target '**::{name}-*'" for name in silent)
    return (
        "Bring back first what is missing: start the machine, or let this make it anew if it is "
        f"gone: pulumi up --refresh {targets}"
    )


def sole(name: str) -> str:
    """What is said of a cluster's only member."""
    return (
        f"{name} has to stay: it is the only member of etcd, and all that etcd holds would be "
        "gone with it. Nothing was changed. Make etcd larger first (etcd-size: 3), or begin anew "
        "with pulumi destroy. If etcd's data may be lost, remove the machine by hand; then "
        f"pulumi up --refresh makes it anew, and pulumi up --replace '**::{name}-etcd' an "
        "empty etcd on it"
    )


def _do_not_answer(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'does' if len(names) == 1 else 'do'} not answer"
