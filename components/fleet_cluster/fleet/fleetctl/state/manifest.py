"""Manifest: the document of `fleetctl apply`, and what it changes (pure)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ...cluster_state.state import ClusterState
from ...model.pins import pinned, unpinned
from ...model.records import DesiredState, Unit
from ...model.secrets import is_secret_name
from ...unitfiles.text import sha_of, unix_lines
from ...unitfiles.unitfile import is_template, parse, template_of
from ..cli.errors import CtlError
from ..cli.local_files import check_size
from ..cli.spelling import did_you_mean
from ..releases.canary import canary_units
from ..releases.file_change import unknown_template
from .secret_versions import current_versions
from .transaction import Transaction
from .unplaced import unplaced_reasons

_FIELDS = {"text", "target", "instances", "canary"}


@dataclass(frozen=True)
class Manifest:
    """Manifest of an owner's units: all that it is to have, and nothing else."""

    owner: str
    units: Mapping[str, Unit]
    """Every unit of the set: templates and their instances too."""
    texts: Mapping[str, str]
    """The unit files that these name: SHA-256 to text."""
    canaries: Mapping[str, int] = field(default_factory=dict[str, int])
    """After how many instances or machines a change of the file stops: by template, or unit."""

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Read and check a document.

        Shape: `{"owner": NAME, "units": {UNIT: {"text": FILE, "target": TARGET,
        "instances": {INSTANCE: TARGET}, "canary": N}}}`.

        Raises:
            CtlError: the document has not that shape, or names a unit twice.
            UnitFileError: one of the unit files is bad.
        """
        return cls.read(_load(text))

    def pinned(self, view: ClusterState) -> "Manifest":
        """The manifest with the versions of secrets that the cluster has, in each file."""
        versions = current_versions(view)
        texts = {sha: pinned(text, versions) for sha, text in self.texts.items()}
        new = {sha: sha_of(text) for sha, text in texts.items()}
        units = {name: replace(unit, sha=new[unit.sha]) for name, unit in self.units.items()}
        return replace(self, units=units, texts={new[sha]: one for sha, one in texts.items()})

    @classmethod
    def read(cls, given: Any) -> "Manifest":
        """Check a document that was read already; see `from_json`."""
        document = _object("the document", given, {"owner", "units"}, {"owner", "units"})
        owner = document["owner"]
        if not isinstance(owner, str) or not owner:
            raise CtlError(f"apply: owner is {owner!r}; it must be a name")
        units: dict[str, Unit] = {}
        texts: dict[str, str] = {}
        canaries: dict[str, int] = {}
        for name, given in _object("units", document["units"]).items():
            file = _object(f"unit {name}", given, _FIELDS, {"text"})
            unit_text = unpinned(unix_lines(str(file["text"])))
            check_size(f"the file of {name}", unit_text)
            sha = sha_of(unit_text)
            texts[sha] = unit_text
            if canary := _canary(name, file.get("canary", 0)):
                canaries[name] = canary
            for member, desired in _members(name, file).items():
                if member in units:
                    raise CtlError(f"apply: {member} is given twice; name each unit once")
                parse(member, unit_text)
                units[member] = Unit(sha, desired, owner)
        return cls(owner, units, texts, canaries)


def coming_secrets(text: str) -> list[str]:
    """Names of secrets in `fleetctl plan`'s document: its field `secrets`, set before the units.

    Raises:
        CtlError: the document is none, or these are no names.
    """
    given: Any = _object("the document", _load(text)).get("secrets", [])
    names = [str(one) for one in cast(list[Any], given)] if isinstance(given, list) else [""]
    if not all(map(is_secret_name, names)):
        raise CtlError(f"plan: secrets must be a list of names of secrets, not {given!r:.80}")
    return names


def documents(text: str) -> list[Manifest]:
    """Manifests of `fleetctl plan`'s document: first those of its field `after`, then itself.

    Raises:
        CtlError, UnitFileError: as for `Manifest.from_json`.
    """
    document = _object("the document", _load(text))
    after: Any = document.pop("after", [])
    document.pop("secrets", None)
    if not isinstance(after, list):
        raise CtlError(f"apply: after must be a list of documents, not {after!r:.80}")
    return [Manifest.read(one) for one in (*cast(list[Any], after), document)]


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CtlError(
            f"apply reads a JSON document on standard input, and this is none: {error}; "
            "see: fleetctl apply --help"
        ) from error


def _object(
    what: str, given: Any, allowed: set[str] | None = None, needed: set[str] | None = None
) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise CtlError(f"apply: {what} must be a JSON object, not {given!r:.80}")
    fields = cast(dict[str, Any], given)
    for key in fields:
        if allowed is not None and key not in allowed:
            hint = did_you_mean(key, allowed)
            raise CtlError(
                f"apply: {what} has the unknown field {key!r}; allowed: {sorted(allowed)}{hint}"
            )
    for key in (needed or set()) - fields.keys():
        raise CtlError(f"apply: {what} has no field {key!r}")
    return fields


def _members(name: str, file: Mapping[str, Any]) -> dict[str, DesiredState]:
    """A unit, or a template and its instances, each with its desired state."""
    default = DesiredState.INACTIVE if is_template(name) else DesiredState.LAUNCHED
    members = {name: _desired_state(name, file.get("target", default))}
    if is_template(name) and members[name] is not DesiredState.INACTIVE:
        raise CtlError(f"apply: {name} is a template, which cannot run: its target is inactive")
    for instance, desired in _object(f"instances of {name}", file.get("instances", {})).items():
        if template_of(instance) != name:
            raise CtlError(f"apply: {instance} is no instance of {name}")
        members[instance] = _desired_state(instance, desired)
    return members


def _canary(name: str, given: Any) -> int:
    if type(given) is not int or given < 0:
        raise CtlError(
            f"apply: the canary of {name} is {given!r}; it must be a whole number: after how many "
            "instances to stop, or 0 to bring a changed file to all"
        )
    return given


def _desired_state(name: str, given: Any) -> DesiredState:
    try:
        return DesiredState(given)
    except ValueError as error:
        allowed = ", ".join(DesiredState)
        raise CtlError(f"apply: the target of {name} is {given!r}; allowed: {allowed}") from error


def check(manifest: Manifest, view: ClusterState) -> None:
    """Refuse what the cluster could not do, before anything is written.

    Raises:
        CtlError: a unit belongs to someone else, or fits on no machine.
    """
    check_owner(manifest, view)
    changes = transaction_for(manifest, view)
    check_fits(manifest.units, view.preview(changes.units, changes.texts))


def check_owner(manifest: Manifest, view: ClusterState) -> None:
    """Refuse units of others.

    Raises:
        CtlError: a unit belongs to someone else.
    """
    for name in manifest.units:
        known = view.units.get(name)
        if known and known.owner not in ("", manifest.owner):
            raise CtlError(
                f"{name} belongs to {known.owner!r}, so {manifest.owner!r} cannot have it; "
                f"rename one of them, or give it up there first"
            )


def check_fits(units: Mapping[str, Unit], then: ClusterState) -> None:
    """Refuse units that no machine could have; `then` is the cluster with them.

    Raises:
        CtlError: the reasons per machine.
    """
    reasons = _unplaced(units, then)
    if reasons:
        details = "\n".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise CtlError(f"nothing was changed, because not everything can run.\n{details}")


def _unplaced(units: Mapping[str, Unit], then: ClusterState) -> dict[str, str]:
    return {
        name: reason
        for name, unit in units.items()
        if unit.desired_state is not DesiredState.INACTIVE
        and (reason := unplaced_reasons(name, then))
    }


def in_the_way(manifest: Manifest, view: ClusterState) -> dict[str, Unit]:
    """Obsolete units that have to go first, because the others do not fit beside them."""
    if not _unplaced(manifest.units, view.preview(manifest.units, manifest.texts)):
        return {}
    return {
        n: replace(view.units[n], desired_state=DesiredState.INACTIVE)
        for n in obsolete(manifest, view)
    }


def transaction_for(manifest: Manifest, view: ClusterState) -> Transaction:
    """Transaction of all that differs: missing, changed, stopped by hand, or to go."""
    units: dict[str, Unit | None] = {
        name: unit for name, unit in manifest.units.items() if view.units.get(name) != unit
    }
    for name in obsolete(manifest, view):
        if view.units[name].desired_state is not DesiredState.INACTIVE:
            units[name] = replace(view.units[name], desired_state=DesiredState.INACTIVE)
    return Transaction(units, manifest.texts)


def at_first(manifest: Manifest, view: ClusterState) -> Manifest:
    """Manifest of what is to be until somebody goes on with its canaries: of those that stop.

    Raises:
        CtlError: a canary would be all that there is.
    """
    units, canaries = dict(manifest.units), dict[str, int]()
    for name, size in manifest.canaries.items():
        members = {n: unit for n, unit in units.items() if name in (n, template_of(n))}
        known = view.preview(unknown_template(name, view), {})
        first = canary_units(name, size, members, known)
        if first != members:
            units |= first
            canaries[name] = size
    return replace(manifest, units=units, canaries=canaries)


def obsolete(manifest: Manifest, view: ClusterState) -> list[str]:
    """The owner's units that are not in the set any more."""
    return sorted(
        name
        for name, unit in view.units.items()
        if unit.owner == manifest.owner and name not in manifest.units
    )


def placements(manifest: Manifest, view: ClusterState) -> dict[str, str | list[str]]:
    """The host name of each unit's machine; a Global unit has a list."""
    found: dict[str, str | list[str]] = {}
    for name, unit in sorted(manifest.units.items()):
        on = [view.machines[id].hostname for id in view.homes(name) if id in view.machines]
        if unit.desired_state is DesiredState.INACTIVE or not on:
            continue
        found[name] = sorted(on) if view.is_global(name) else on[0]
    return found
