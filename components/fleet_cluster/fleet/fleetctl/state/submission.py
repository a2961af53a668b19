"""Submission of unit files (pure): from the arguments, or from what the cluster has."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ...cluster_state.state import ClusterState
from ...cluster_state.unit_files import parse_once
from ...model.pins import pinned, unpinned
from ...model.records import DesiredState, Unit
from ...unitfiles.quadlets.names import units_of
from ...unitfiles.text import sha_of
from ...unitfiles.triggers import accepted_template, triggered_unit
from ...unitfiles.unitfile import is_template, template_of
from ..cli.errors import CtlError
from ..cli.names import is_glob, name_of, select
from ..cli.spelling import did_you_mean
from .secret_versions import current_versions
from .transaction import Transaction


def names_to_submit(given: Iterable[str], view: ClusterState) -> list[str]:
    """The units that arguments of submit, load and start name; patterns, among the known."""
    names: dict[str, None] = {}
    for argument in given:
        known = view.runnable() if is_glob(argument) else [name_of(argument)]
        names.update(dict.fromkeys(select([argument], known)))
    return list(names)


def submission(
    names: Iterable[str],
    desired: DesiredState,
    files: Mapping[str, str],
    view: ClusterState,
    replaced: bool = False,
) -> Transaction:
    """Transaction that makes units known to the cluster, and brings them to `desired`.

    Args:
        names: the units.
        desired: where each is to be brought; `inactive` leaves a known unit as far as it is.
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
        _check_can_run(name, desired)
        for submitted, text in _texts_with_template(name, files, view, replaced).items():
            known = view.units.get(submitted)
            state = desired if submitted == name else DesiredState.INACTIVE
            unit = _brought(known, sha_of(text), state)
            if unit != known:
                parse_once(submitted, text)
                units[submitted], texts[unit.sha] = unit, text
    return Transaction(units, texts)


def _check_can_run(name: str, desired: DesiredState) -> None:
    if is_template(name) and desired is not DesiredState.INACTIVE:
        raise CtlError(
            f"{name} is a template and cannot run itself; "
            f"name an instance, such as {name.replace('@', '@1', 1)}"
        )


def _texts_with_template(
    name: str, files: Mapping[str, str], view: ClusterState, replaced: bool
) -> dict[str, str]:
    """The texts of `_texts`, and of what comes along.

    That is the template that a socket accepts connections with, or what a timer or path starts.
    """
    found = _texts(name, files, view, replaced)
    service = triggered_unit(name, found[name]) if not is_template(name) else None
    for unit in units_of(service or ""):
        if _has_file(unit, files, view):
            found |= _texts(unit, files, view, replaced)
            break
    template = accepted_template(name, found[name])
    if template and template in files:
        found |= _texts(template, files, view, replaced)
    return found


def _has_file(unit: str, files: Mapping[str, str], view: ClusterState) -> bool:
    names = {unit, template_of(unit) or unit}
    return any(name in files or name in view.units for name in names)


def _brought(known: Unit | None, sha: str, desired: DesiredState) -> Unit:
    if known is None:
        return Unit(sha, desired)
    desired = known.desired_state if desired is DesiredState.INACTIVE else desired
    if sha == known.sha:
        return replace(known, desired_state=desired)
    return replace(known.with_file(sha), desired_state=desired)


def _texts(
    name: str, files: Mapping[str, str], view: ClusterState, replaced: bool
) -> dict[str, str]:
    """The text of the unit's file, and of its template's if that is replaced too."""
    template = template_of(name) or ""
    given = files.get(name, files.get(template))
    source = name if name in files else template
    in_cluster = view.text_of(name) or view.text_of(template)
    if given is None and in_cluster is None:
        known = [*view.units, *files]
        raise CtlError(
            f"there is no unit file for {name}: not in the cluster, and no file "
            f"{name}{f' or {template}' if template else ''} here{did_you_mean(name, known)}"
        )
    if given is None or unpinned(given) == unpinned(in_cluster or ""):
        return {name: in_cluster or ""}
    if in_cluster is not None and not replaced:
        raise _differs(name, source, name if name in view.units else template)
    given = pinned(given, current_versions(view))
    too = {template: given} if source == template and template in view.units else {}
    return {**too, name: given}


def _differs(name: str, source: str, in_cluster: str) -> CtlError:
    """Error of a file that is not the cluster's; `in_cluster`: the unit that has that one."""
    return CtlError(
        f"{name} is in the cluster with a file that differs from your {source}; nothing was "
        f"changed. To put your file in its place: add --replace. To see the cluster's: "
        f"fleetctl cat {in_cluster}. To use the cluster's: "
        f"run this in a folder without {source}"
    )
