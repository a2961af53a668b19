"""Which file a unit gets (pure): from the arguments, or from what the cluster has."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ...model.records import DesiredState, Unit
from ...unitfiles.sockets import accepted_template
from ...unitfiles.text import sha_of
from ...unitfiles.unitfile import is_template, template_of
from ..cli.errors import CtlError
from ..cli.names import is_glob, name_of, select
from ..cli.spelling import did_you_mean
from .transaction import Transaction
from .view import View, parse_once


def names_to_submit(given: Iterable[str], view: View) -> list[str]:
    """The units that arguments of submit, load and start name; patterns, among the known."""
    names: dict[str, None] = {}
    for argument in given:
        known = view.runnable() if is_glob(argument) else [name_of(argument)]
        names.update(dict.fromkeys(select([argument], known)))
    return list(names)


def submission(
    names: Iterable[str],
    target: DesiredState,
    files: Mapping[str, str],
    view: View,
    replaced: bool = False,
) -> Transaction:
    """What makes these units known to the cluster, and brings them to `target`.

    Args:
        names: the units.
        target: where each is to be brought; `inactive` leaves a known unit as far as it is.
        files: the unit files that the operator gave: unit or template to text.
        view: the records as they are.
        replaced: whether a file of the operator replaces a different one of the cluster.

    Raises:
        CtlError: a unit has no file, or its file differs from the cluster's.
        UnitFileError: a file is bad.
    """
    units: dict[str, Unit | None] = {}
    texts: dict[str, str] = {}
    for name in names:
        if is_template(name) and target is not DesiredState.INACTIVE:
            raise CtlError(
                f"{name} is a template and cannot run itself; "
                f"name an instance, such as {name.replace('@', '@1', 1)}"
            )
        found = _texts(name, files, view, replaced)
        template = accepted_template(name, found[name])
        if template and template in files:
            found |= _texts(template, files, view, replaced)
        for changed, text in found.items():
            known = view.units.get(changed)
            unit = _brought(
                known, sha_of(text), target if changed == name else DesiredState.INACTIVE
            )
            if unit != known:
                parse_once(changed, text)
                units[changed], texts[unit.sha] = unit, text
    return Transaction(units, texts)


def _brought(known: Unit | None, sha: str, target: DesiredState) -> Unit:
    if known is None:
        return Unit(sha, target)
    target = known.desired_state if target is DesiredState.INACTIVE else target
    if sha == known.sha:
        return replace(known, desired_state=target)
    return replace(known, sha=sha, desired_state=target, retained_files={})


def _texts(name: str, files: Mapping[str, str], view: View, replaced: bool) -> dict[str, str]:
    """The text of the unit's file, and of its template's if that is replaced too."""
    template = template_of(name) or ""
    given = files.get(name, files.get(template))
    source = name if name in files else template
    in_store = view.text_of(name) or view.text_of(template)
    if given is None and in_store is None:
        known = [*view.units, *files]
        raise CtlError(
            f"there is no unit file for {name}: not in the cluster, and no file "
            f"{name}{f' or {template}' if template else ''} here{did_you_mean(name, known)}"
        )
    if given is None or given == in_store:
        return {name: in_store or ""}
    if in_store is not None and not replaced:
        raise CtlError(
            f"{name} is in the cluster with a file that differs from your {source}; nothing was "
            f"changed. To put your file in its place: add --replace. To see the cluster's: "
            f"fleetctl cat {name if name in view.units else template}. To use the cluster's: "
            f"run this in a folder without {source}"
        )
    too = {template: given} if source == template and template in view.units else {}
    return {**too, name: given}
