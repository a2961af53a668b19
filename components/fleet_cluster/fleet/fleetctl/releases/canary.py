"""Canary: the first few units of a rollout that then stops, and what is pending of it (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...cluster_state.state import ClusterState
from ...model.records import DesiredState, Unit
from ...model.releases import Canary
from ...unitfiles.unitfile import is_template, template_of
from ..cli.errors import CtlError
from ..cli.origin import Origin
from .history import file_of


@dataclass(frozen=True)
class Progress:
    """Progress of a canary."""

    name: str
    canary: Canary
    on_new: list[str]
    """The instances that have the new file; of a Global unit, the machines by id."""
    on_old: list[str]
    """The others."""

    @property
    def in_words(self) -> str:
        """How far it is, for people."""
        total, what = len(self.on_new) + len(self.on_old), "instances"
        if not is_template(self.name):
            what = "machines"
        return f"{len(self.on_new)} of {total} {what} of {self.name} have the new file"

    @property
    def advice(self) -> str:
        """What can be done now, as it can be typed."""
        return (
            f"To go on:   fleetctl rollout --continue {self.name}\n"
            f"To go back: fleetctl rollout --back {self.name}"
        )


def pending(name: str, view: ClusterState) -> Progress | None:
    """Progress of the canary that is pending of a unit or template.

    None when there is none, or when fleetctl of an earlier version went on or back.
    """
    canary = view.canaries.get(name)
    return _progress(name, canary, view) if canary else None


def canary_record(
    name: str, sha: str, first: Unit, view: ClusterState, origin: Origin, now: float
) -> Canary:
    """The canary of a file that is to be pending: the one that is, if it is of the same file.

    `first` is the unit or template as `canary_units` has it.
    """
    before, machines = pending(name, view), _chosen_machines(name, first, view)
    if before and before.canary.sha == sha:
        return replace(before.canary, machines={**machines, **before.canary.machines})
    source = origin.sources.get(name, "")
    return Canary(sha, file_of(name, view), now, origin.author, source, machines)


def _chosen_machines(name: str, first: Unit, view: ClusterState) -> dict[str, str]:
    files = _files(name, {}, view) if view.is_global(name) else ()
    on = [machine for machine in files if first.sha_on(machine) == first.sha]
    alive = view.machines
    return {machine: alive[machine].hostname if machine in alive else "" for machine in on}


def restored(before: Mapping[str, Canary | None], view: ClusterState) -> dict[str, Canary | None]:
    """Canaries by unit that are pending again, as they were, when units have gone back; or None.

    Only those that differ from what is noted.
    """
    found = {
        name: one if one and _progress(name, one, view) else None for name, one in before.items()
    }
    return {name: one for name, one in found.items() if view.canaries.get(name) != one}


def _progress(name: str, canary: Canary, view: ClusterState) -> Progress | None:
    if file_of(name, view) != canary.previous_sha:
        return None
    files = _files(name, view.units, view)
    on_new = [one for one, sha in files.items() if sha == canary.sha]
    on_old = [one for one in files if one not in on_new]
    # One of another file is left of a canary that this one supersedes.
    is_pending = {*files.values()} - {canary.previous_sha} or _is_begun(name, canary.sha, view)
    return Progress(name, canary, on_new, on_old) if is_pending else None


def canary_units(
    name: str, size: int, wanted: Mapping[str, Unit], view: ClusterState
) -> dict[str, Unit]:
    """Units as they are to be while only `size` of them have the new file.

    Those that have it already count first, then those with the file of another canary, which is
    superseded. The rest, and the template, have the file before. All of them are as wanted when no
    running unit would get another file. Machines that are away count as when they were there: they
    come back to the file that they had.

    Args:
        name: a template, or a Global unit.
        size: how many instances, or machines.
        wanted: it and its instances, as they are to be in the end.
        view: the cluster before.

    Raises:
        CtlError: nothing would be left to wait with.
    """
    _check_divisible(name, size, view)
    new, old, before = wanted[name].sha, file_of(name, view), pending(name, view)
    files = _files(name, wanted, view)
    if old in ("", new) or all(sha == new for sha in files.values()):
        return dict(wanted)
    on_new = {one for one, sha in files.items() if sha == new}
    if _is_settled(name, new, old, view) and size <= max(len(on_new), 1):
        # An earlier version has not noted its machines; they may all be away.
        return {**wanted, name: _as_it_is(wanted[name], view.units[name])}
    if size >= len(files):
        raise CtlError(_too_many(name, size, len(files)))
    strays = {one for one, sha in files.items() if before and sha == before.canary.sha}
    away = files.keys() - view.machines.keys() if view.is_global(name) else set[str]()
    order = sorted(files, key=lambda one: (one not in on_new, one in away, one not in strays, one))
    chosen = {*order[:size], *on_new}
    if view.is_global(name):
        kept = {one: new if one in chosen else old for one in files}
        waiting = replace(wanted[name], retained_files=kept, newcomers_sha=old)
        return {**wanted, name: waiting}
    files |= dict.fromkeys(strays, old)
    return {
        one: unit if one in chosen else replace(unit, sha=_kept(one, files, old, view))
        for one, unit in wanted.items()
    }


def _kept(name: str, files: Mapping[str, str], old: str, view: ClusterState) -> str:
    """The file of a unit that is no canary: its own, if that is none of a canary's."""
    known = view.units.get(name)
    return files.get(name, known.sha if known else old)


def _files(name: str, wanted: Mapping[str, Unit], view: ClusterState) -> dict[str, str]:
    """The file of each instance that runs and is to; of a Global unit, by machine, also away."""
    known = view.units.get(name)
    if known and view.is_global(name):
        there = {machine for machine in view.machines if view.assignment(name, machine)}
        on = there | view.assigned(name).keys() | known.retained_files.keys()
        canary = view.canaries.get(name)
        if canary and _is_begun(name, canary.sha, view):
            on |= canary.machines.keys()
        return {machine: known.sha_on(machine) for machine in sorted(on)}
    running = (one for one in wanted if template_of(one) == name and _is_launched(one, view.units))
    return {one: view.units[one].sha for one in sorted(running) if _is_launched(one, wanted)}


def _as_it_is(unit: Unit, known: Unit) -> Unit:
    return replace(unit, retained_files=known.retained_files, newcomers_sha=known.newcomers_sha)


def _is_begun(name: str, new: str, view: ClusterState) -> bool:
    """Whether a Global unit has a new file on some machines only, be they alive or away."""
    known = view.units.get(name)
    return known is not None and bool(known.previous_files) and known.sha == new


def _is_settled(name: str, new: str, old: str, view: ClusterState) -> bool:
    """Whether it has, and no machine waits to lose the file of a canary that is superseded."""
    return _is_begun(name, new, view) and view.units[name].previous_files == {old}


def _is_launched(name: str, units: Mapping[str, Unit]) -> bool:
    return name in units and units[name].desired_state is DesiredState.LAUNCHED


def _check_divisible(name: str, size: int, view: ClusterState) -> None:
    if size < 1:
        raise CtlError(f"a canary of {name} is {size}; it must be 1 or more")
    if not is_template(name) and name in view.units and not view.is_global(name):
        raise CtlError(
            f"{name} runs once, so there is no canary of it: a template's instances and a Global "
            "unit's machines can get a file one after the other. Roll it without: "
            f"fleetctl rollout {name}; to go back then: fleetctl undo {name}"
        )


def _too_many(name: str, size: int, number: int) -> str:
    what = "instance" if is_template(name) else "machine"
    number_of = f"{number} {what}{'s'[: number != 1]}"
    allowed = f"give 1 to {number - 1}, or roll" if number > 1 else "roll"
    return (
        f"a canary of {size} would be all of {name}, which runs as {number_of}, and leave none to "
        f"wait with; nothing was changed. What to do: {allowed} it without a canary"
    )
