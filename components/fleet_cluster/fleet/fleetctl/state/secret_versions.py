"""Versions of secrets: which there are, and which units name them (pure)."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ...cluster_state.state import ClusterState
from ...model.keys import secret_key
from ...model.pins import pinned, pins_of, secrets_of
from ...model.records import Unit
from ...model.secrets import SecretVersion, number_of
from ...unitfiles.text import sha_of
from ...unitfiles.unitfile import template_of
from ..cli.errors import CtlError
from ..cli.spelling import did_you_mean


def versions_of(name: str, view: ClusterState) -> dict[str, SecretVersion]:
    """The versions of a secret that etcd has, the oldest first."""
    found = {
        id.partition("/")[2]: one
        for id, one in view.secrets.items()
        if id.partition("/")[0] == name and number_of(id.partition("/")[2])
    }
    return dict(sorted(found.items(), key=lambda one: (number_of(one[0]), one[0])))


def names(view: ClusterState) -> list[str]:
    """The secrets that the cluster has."""
    return sorted({id.partition("/")[0] for id in view.secrets if number_of(id.partition("/")[2])})


def current_versions(view: ClusterState) -> dict[str, str]:
    """The newest version of each secret."""
    found = (id.partition("/") for id in view.secrets)
    known = sorted((name, number, one) for name, _, one in found if (number := number_of(one)))
    return {name: one for name, _, one in known}


def next_version(name: str, view: ClusterState) -> str:
    """What a new version is called: also after etcd was emptied, like none before it."""
    known = versions_of(name, view)
    number = max(map(number_of, known), default=0) + 1
    return f"{number}-{secrets.token_hex(2)}"


def users(name: str, view: ClusterState) -> list[str]:
    """The units and templates whose files name a secret, without the instances of these."""
    found = [unit for unit in view.units if name in secrets_of(view.text_of(unit) or "")]
    return sorted({n for n in found if template_of(n) not in found})


def holders(name: str, view: ClusterState) -> list[str]:
    """The units that have a file with a secret on some machine, or may go back to one."""
    in_use = _files_in_use(view)
    return sorted({unit for unit, sha in in_use if name in pins_of(view.files.get(sha, ""))})


def pins_in_use(view: ClusterState) -> set[tuple[str, str]]:
    """Names and versions of secrets in the files that units have, or are to go back to."""
    shas = {sha for _, sha in _files_in_use(view)}
    return {pin for sha in shas for pin in pins_of(view.files.get(sha, "")).items()}


def _files_in_use(view: ClusterState) -> set[tuple[str, str]]:
    """Units, each with the files (SHA-256) that it has, or is to go back to."""
    found = {
        (name, sha)
        for name, unit in view.units.items()
        for sha in (unit.sha, *unit.retained_files.values())
    }
    found |= {
        (name, sha) for name, one in view.canaries.items() for sha in (one.sha, one.previous_sha)
    }
    found |= {(name, one.sha) for name in view.schedule for one in view.assigned(name).values()}
    return found


def useless_versions(name: str, view: ClusterState) -> list[str]:
    """Keys of the versions before the current one that no unit has."""
    used, versions = pins_in_use(view), [*versions_of(name, view)]
    return [secret_key(name, one) for one in versions[:-1] if (name, one) not in used]


def with_secrets(
    name: str, units: Mapping[str, Unit], text: str, view: ClusterState
) -> tuple[dict[str, Unit], str]:
    """Units that get a file, and the file with the secrets that there are now.

    A canary that is gone on with, or back from, has the versions that it had.
    """
    canary = view.canaries.get(name)
    if canary and sha_of(text) in (canary.sha, canary.previous_sha):
        return dict(units), text
    new = pinned(text, current_versions(view))
    return {n: replace(unit, sha=sha_of(new)) for n, unit in units.items()}, new


def with_coming(coming: Iterable[str], view: ClusterState) -> ClusterState:
    """The state when secrets of these names have been set, whatever their values will be."""
    then = view.preview({}, {})
    new = {f"{name}/1-0000": SecretVersion("") for name in coming if not versions_of(name, view)}
    then.secrets = {**view.secrets, **new}
    return then


def missing(texts: Iterable[str], view: ClusterState) -> list[str]:
    """The secrets that files name and the cluster does not have."""
    known = names(view)
    return sorted({one for text in texts for one in secrets_of(text)} - {*known})


def lacking(
    units: Mapping[str, Unit | None], texts: Mapping[str, str], view: ClusterState
) -> dict[str, str]:
    """What is said of units that name secrets which there are not; of a template, once."""
    found: dict[str, str] = {}
    for name, unit in units.items():
        text = texts.get(unit.sha) if unit else None
        if text and (none := missing([text], view)):
            template = template_of(name)
            found[template if template and template in units else name] = _said(none, view)
    return found


def check_secrets(
    units: Mapping[str, Unit | None], texts: Mapping[str, str], view: ClusterState
) -> None:
    """Refuse units that name a secret which there is not, before anything is written.

    Raises:
        CtlError: what is missing, and how to set it.
    """
    if found := lacking(units, texts, view):
        lines = (f"{name} {what}" for name, what in found.items())
        raise CtlError("\n".join(["nothing was changed, because a secret is missing.", *lines]))


def _said(lacking: Iterable[str], view: ClusterState) -> str:
    what = [f"{name}{did_you_mean(name, names(view))}" for name in lacking]
    how = " and ".join(f"fleetctl secret set {name} < FILE" for name in lacking)
    return (
        f"names the secret {', '.join(what)}, which the cluster does not have. To set it: {how}; "
        "or with Secrets in the Pulumi program, on which the unit depends"
    )


def can_be_opened(secret: SecretVersion, view: ClusterState) -> bool:
    """Whether a member of etcd that there is now can open a secret.

    A restored snapshot also has keys of members that there were.
    """
    known = {one.key for machine, one in view.recipients.items() if machine in view.machines}
    return not known.isdisjoint(secret.recipients.values())


def lost_secrets(text: str, view: ClusterState) -> str:
    """Why a file cannot be given to another machine: what it needs is lost; empty if it is not."""
    found = {name: view.secrets.get(f"{name}/{one}") for name, one in pins_of(text).items()}
    lost = [name for name, one in found.items() if one is None or not can_be_opened(one, view)]
    how = " and ".join(f"fleetctl secret set {name} < FILE" for name in lost)
    return f"no member of etcd can open secret {', '.join(lost)}: {how}" if lost else ""


def claim_name(name: str) -> str:
    """What the claim on a secret is called: no owner of units, no key of etcd is called so."""
    return f"secret:{name}"
