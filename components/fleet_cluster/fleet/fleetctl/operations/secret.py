"""Secrets: a value is sealed and kept, and the units that name it are rolled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import time

from ...cluster_state.state import ClusterState
from ...model.keys import secret_key
from ...model.pins import pinned, secrets_of
from ...model.record import Record
from ...model.records import TRANSIENT, Unit
from ...model.secrets import ALLOWED, SecretVersion, is_secret_name
from ...secrets.age import Sealer, SealError
from ...unitfiles.text import sha_of
from ...unitfiles.unitfile import template_of
from ..cli.errors import CtlError, Exit, TimedOutError
from ..cli.output import tell
from ..cli.rollout_options import Limits
from ..cli.spelling import did_you_mean
from ..releases.canary import pending
from ..state.claims import is_of_another
from ..state.secret_versions import (
    claim_name,
    current_versions,
    holders,
    names,
    next_version,
    pins_in_use,
    useless_versions,
    users,
    versions_of,
)
from ..state.transaction import Transaction, transact
from ..state.watcher import Watcher
from .context import Context
from .report import report
from .rollout import Rollout


@dataclass(frozen=True)
class Change:
    """Units that get another version of a secret, and their files."""

    units: Mapping[str, Unit]
    texts: Mapping[str, str]


def check_name(name: str) -> None:
    """Refuse what cannot be a secret's name.

    Raises:
        CtlError: says what is allowed.
    """
    if not is_secret_name(name):
        raise CtlError(f"{name[:80]!r} cannot be a secret's name; allowed: {ALLOWED}")


def check_known(name: str, view: ClusterState) -> None:
    """Refuse a secret that there is not.

    Raises:
        CtlError: there is none of that name.
    """
    if name not in names(view):
        raise CtlError(
            f"there is no secret {name}{did_you_mean(name, names(view))}, so nothing was changed. "
            f"See: fleetctl secret list. To make a new one: fleetctl secret set {name} < FILE"
        )


def check_stack(name: str, view: ClusterState, author: str) -> None:
    """Refuse Pulumi's resource a secret that another stack has.

    Raises:
        CtlError: says which, and how to take it over.
    """
    authors = [one.author for one in versions_of(name, view).values()]
    other = authors[-1] if authors and is_of_another(view, claim_name(name)) else ""
    if other.startswith("pulumi ") and other != author:
        raise CtlError(
            f"{other} has the secret {name}, so {author} cannot have it, and nothing was "
            f"changed. Rename one of them; or, to take it over: fleetctl secret rotate {name} < "
            "FILE, then pulumi up here"
        )


def sealed(value: bytes, sealer: Sealer, view: ClusterState, author: str) -> SecretVersion:
    """A version of a secret, sealed to all members of etcd.

    Raises:
        CtlError: no member has told its key, or age does not work.
    """
    keys = {machine: one.key for machine, one in view.recipients.items()}
    if not keys:
        raise CtlError(
            "no member of etcd has a key for secrets yet, so nothing was changed. "
            "fleetd tells it when it runs there; to give machines keys: pulumi up"
        )
    try:
        return SecretVersion(sealer.seal(value, keys.values()), keys, time(), author)
    except SealError as error:
        raise CtlError(f"the secret cannot be sealed: {error}. Nothing was changed") from error


def store(watcher: Watcher, name: str, secret: SecretVersion, version: str = "") -> str:
    """Keep a version of a secret; its name, a new one if none is given."""
    chosen = version

    def decide(view: ClusterState) -> Transaction:
        nonlocal chosen
        chosen = version or next_version(name, view)
        return Transaction(records={secret_key(name, chosen): secret})

    transact(watcher, decide)
    return chosen


def roll(
    context: Context,
    watcher: Watcher,
    name: str,
    version: str,
    limits: Limits,
    say: Callable[[str], None],
) -> Exit:
    """Bring a version to the units that name the secret, by the rules of a rollout.

    `say`: called with a line for each unit that has it.

    If a unit fails, all go back to the version before, and that is the secret's again.

    Raises:
        TimedOutError: the time limit came first; the same is done.
    """
    change = change_of(name, watcher.state)
    rollout = Rollout(watcher, change.units, change.texts, limits, say, on_step=context.on_step)
    try:
        code = report(context, watcher, rollout.run)
    except TimedOutError:
        _forget(watcher, name, version)
        raise
    if code is not Exit.DONE:
        _forget(watcher, name, version)
    forget_useless(watcher, name)
    return code


def check_canaries(name: str, view: ClusterState) -> None:
    """Refuse to roll units of which a canary waits: they would get more than another secret.

    Raises:
        CtlError: says how to end it.
    """
    waiting = [unit for unit in users(name, view) if pending(template_of(unit) or unit, view)]
    if waiting:
        raise CtlError(
            f"a canary of {waiting[0]} waits, and a changed secret would supersede it. Nothing was "
            f"changed. End it first: fleetctl rollout --continue {waiting[0]}, or --back; or keep "
            "the value for the next rollout: --no-roll"
        )


def change_of(name: str, view: ClusterState) -> Change:
    """What brings the units that name a secret the versions that there are now.

    What `fleetctl run` has begun has the one that it began with: it would run twice.
    """
    versions = current_versions(view)
    texts: dict[str, str] = {}
    units: dict[str, Unit] = {}
    for unit_name, unit in view.units.items():
        text = view.files.get(unit.sha, "")
        if unit.owner == TRANSIENT:
            continue
        if name in secrets_of(text) and (new := pinned(text, versions)) != text:
            texts[sha_of(new)] = new
            units[unit_name] = unit.with_file(sha_of(new))
    return Change(units, texts)


def forget_useless(watcher: Watcher, name: str) -> None:
    """Remove the versions before the current one that no unit has any more."""

    def decide(view: ClusterState) -> Transaction:
        gone: dict[str, Record | None] = dict.fromkeys(useless_versions(name, view))
        return Transaction(records=gone)

    transact(watcher, decide)


def _forget(watcher: Watcher, name: str, version: str) -> None:
    """Remove a version that units cannot run with, if there is one before it."""
    if (name, version) in pins_in_use(watcher.state):
        tell(f"{name} stays at version {version}, since not every unit went back")
    elif len(versions_of(name, watcher.state)) > 1:
        transact(watcher, lambda _view: Transaction(records={secret_key(name, version): None}))
        tell(f"{name} is what it was before")


def remove(watcher: Watcher, name: str) -> None:
    """Remove a secret that no unit names, or still runs with.

    Raises:
        CtlError: one does, or there is no such secret.
    """

    def decide(view: ClusterState) -> Transaction:
        check_known(name, view)
        if using := users(name, view):
            raise CtlError(
                f"{', '.join(using)} name{'s'[len(using) > 1 :]} the secret {name}, so it stays. "
                "Take the line LoadCredential= out of the file first, or destroy the unit"
            )
        if having := holders(name, view):
            raise CtlError(
                f"{', '.join(having)} run{'s'[len(having) > 1 :]} with the secret {name} until a "
                "canary or rollout is over, so it stays. To end a canary: fleetctl rollout "
                "--continue UNIT"
            )
        versions = versions_of(name, view)
        return Transaction(records={secret_key(name, one): None for one in versions})

    transact(watcher, decide)
