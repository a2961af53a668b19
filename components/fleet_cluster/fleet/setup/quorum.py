"""Which members etcd can do without: `may-leave`, `may-shrink` ask, `etcd-members` removes.

All are asked before anything is changed.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..config import read
from ..model.keys import address_key
from .etcd import EtcdMember, etcdctl, healthy, members, reachable, wait
from .shell import RefusedError, StepError, say, until

PATIENCE = 10.0
"""Seconds that members get to answer: an election may be going on."""
LOST = (
    "etcd has lost its majority, and the data of each of its members may be needed: none may go. "
    "Nothing was changed. Bring the other members back first, or restore a snapshot"
)


@dataclass(frozen=True)
class Voter:
    """A member of etcd whose vote counts."""

    name: str
    address: str
    answers: bool
    """Whether it answers, with a leader."""


def may_leave(stdin: str) -> None:
    """Refuse that a member's machine goes as long as etcd needs it.

    Input is the machine's `name`, its `address`, its own id `machine`, and whether this is a
    `preview`: that one has nothing against a machine that is dead already.

    Raises:
        RefusedError: it has to stay.
    """
    asked: dict[str, Any] = json.loads(stdin)
    insist(lambda: objection_now(asked))
    say(f"etcd can do without {asked['name']}")


def may_shrink(stdin: str) -> None:
    """Refuse to make etcd smaller, to the `members` of the input, while one of those is missing.

    Raises:
        RefusedError: it has to stay as it is.
    """
    addresses = list(json.loads(stdin)["members"].values())

    def objection() -> str:
        cluster = reachable(addresses)
        return shrinking(addresses, voters(cluster)) if cluster else LOST

    insist(objection)


def drop_others(stdin: str) -> None:
    """The step `etcd-members`: remove the members that are not wanted any more, one at a time.

    Those that do not answer go first: without them, etcd needs fewer of the others.

    Raises:
        RefusedError: one of those that stay does not answer.
    """
    wanted: dict[str, str] = json.loads(stdin)["members"]
    addresses = list(wanted.values())
    surplus = [one for one in members(addresses) if address_of(one) not in addresses]
    if not surplus:
        return
    may_shrink(stdin)
    for one in sorted(surplus, key=lambda one: healthy(address_of(one))):
        say(f"etcd: removing member {one.name}")
        etcdctl(addresses, "member", "remove", one.id)
        wait(lambda: all(map(healthy, addresses)), "the remaining members to be healthy")


def insist(objection: Callable[[], str]) -> None:
    """Ask again for a while, then refuse.

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

    if not until(none, PATIENCE):
        raise RefusedError(objections[-1])


def objection_now(asked: dict[str, Any]) -> str:
    """What etcd's members, asked now, have against a machine's going; empty if nothing."""
    if asked["preview"] and not healthy(asked["address"]):
        return ""
    cluster = reachable([place.rpartition(":")[0] for place in read().endpoints])
    if not cluster:
        return LOST
    if has_successor(asked["machine"], asked["address"], cluster):
        return ""
    return objection(asked["address"], voters(cluster))


def objection(leaving: str, voters: Sequence[Voter]) -> str:
    """Why the member at this address has to stay; empty if it may go."""
    here = next((one for one in voters if one.address == leaving), None)
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


def has_successor(machine: str, address: str, cluster: list[str]) -> bool:
    """Whether another machine has the address by now: this one was gone before it was asked for."""
    owner = etcdctl(cluster, "get", "--print-value-only", address_key(address)).strip()
    return bool(machine and owner) and owner != machine


def voters(cluster: list[str]) -> list[Voter]:
    """The members that vote, asked one by one; those in `cluster` have answered already."""
    return [
        Voter(one.name, address_of(one), address_of(one) in cluster or healthy(address_of(one)))
        for one in members(cluster)
        if not one.learner
    ]


def address_of(member: EtcdMember) -> str:
    """Where a member is."""
    return urlsplit(member.peer).hostname or ""
