"""Rollout order: the batches in which units get a new file, and the way back (pure)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from ...cluster_state.state import ClusterState
from ...kv import batches
from ...model.records import DesiredState, Unit
from ...unitfiles.dependencies import PULLING, dependencies
from ...unitfiles.quadlets.names import service_of
from ...unitfiles.unitfile import is_template, template_of
from .orphans import as_it_runs, has_orphans
from .unit_state import is_active, is_active_on

Batch = dict[str, Unit]
"""What is written at once."""


@dataclass(frozen=True)
class RolloutOrder:
    """Rollout order of the units that differ."""

    first: list[str] = field(default_factory=list[str])
    """Those that do not run with another file, all at once: no capacity is lost."""
    batches: list[Batch] = field(default_factory=list[Batch])
    """Those that do, a few at a time; a Global unit on a few machines at a time."""
    last: list[str] = field(default_factory=list[str])
    """Templates: until all else is done, they name the file to go back to."""


def rollout_order(
    wanted: Mapping[str, Unit], texts: Mapping[str, str], view: ClusterState, max_unavailable: int
) -> RolloutOrder:
    """Rollout order that makes units as wanted, which have these files.

    In each batch, at most `max_unavailable` instances of each template, and as many machines of
    each Global unit; those that do not run at present come first.
    """
    changed = [name for name, unit in wanted.items() if view.units.get(name) != unit]
    last = [name for name in changed if is_template(name) and name in view.units]
    now = as_it_runs(wanted, texts, view)
    rolled = [name for name in changed if is_rolled(wanted[name], now.units.get(name))]
    first = [name for name in changed if name not in rolled and name not in last]
    return RolloutOrder(
        first, in_batches({n: wanted[n] for n in rolled}, now, max_unavailable), last
    )


def in_batches(rolled: Mapping[str, Unit], view: ClusterState, max_unavailable: int) -> list[Batch]:
    """Batches: of each template at most so many units, of a Global one at most so many machines."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(rolled, key=lambda name: (is_active(name, view), name)):
        groups[template_of(name) or name].append(name)
    parts: list[Iterable[Batch]] = [
        _machine_by_machine(group[0], rolled[group[0]], view, max_unavailable)
        if view.is_global(group[0])
        else ({n: rolled[n] for n in some} for some in batches(group, max_unavailable))
        for _, group in sorted(groups.items())
    ]
    together = zip_longest(*parts, fillvalue=Batch())
    return [{n: unit for part in batch for n, unit in part.items()} for batch in together]


def _machine_by_machine(
    name: str, wanted: Unit, view: ClusterState, at_once: int
) -> Iterator[Batch]:
    """The record of a Global unit as it changes: fewer and fewer machines keep their file."""
    machines = sorted(
        changing(name, wanted, view), key=lambda on: (is_active_on(on, name, view), on)
    )
    left = {machine: view.units[name].sha_on(machine) for machine in machines}
    for some in batches(machines, at_once):
        left = {machine: sha for machine, sha in left.items() if machine not in some}
        yield {name: replace(wanted, retained_files={**wanted.retained_files, **left})}
    if not machines:
        yield {name: wanted}


def changing(name: str, wanted: Unit, view: ClusterState) -> list[str]:
    """The machines on which a Global unit gets another file by this record."""
    known = view.units.get(name)
    if known is None or not view.is_global(name):
        return []
    there = [machine for machine in view.machines if view.assignment(name, machine)]
    return [machine for machine in there if known.sha_on(machine) != wanted.sha_on(machine)]


def is_rolled(wanted: Unit, known: Unit | None) -> bool:
    """Whether a unit that is to run gets another file."""
    return (
        known is not None
        and (known.sha, known.retained_files) != (wanted.sha, wanted.retained_files)
        and known.desired_state is DesiredState.LAUNCHED
        and wanted.desired_state is DesiredState.LAUNCHED
    )


def has_file(known: Unit, wanted: Unit) -> bool:
    """Whether a unit is as it is wanted, or is on its way to that from machine to machine."""
    there = wanted.retained_files, wanted.newcomers_sha
    return replace(known, retained_files=there[0], newcomers_sha=there[1]) == wanted


@dataclass(frozen=True)
class RollbackPoint:
    """Rollback point: what to go back to when a rollout fails."""

    units: Mapping[str, Unit | None]
    """The records; None for a unit that did not exist. Without those units that ran with files
    that etcd does not have."""
    texts: Mapping[str, str]
    """The files that they name: another command may have removed them by then."""


def rollback_point(
    wanted: Mapping[str, Unit], view: ClusterState, untouched: Collection[str] = ()
) -> RollbackPoint:
    """Rollback point as of now; of a rollout that was interrupted, as before that.

    Templates are changed last. So while an instance has the wanted file and its template has not,
    the template's file is the one that the instance had before. Of a Global unit, it is the one
    that the machines keep whose batch has not come.

    `untouched` are units that a canary leaves alone: no rollout has begun with them.
    """
    units = {
        name: view.units.get(name) if name in untouched else _earlier(name, unit, view)
        for name, unit in wanted.items()
        if not has_orphans(name, view)
    }
    shas = {
        sha for unit in units.values() if unit for sha in (unit.sha, *unit.retained_files.values())
    }
    return RollbackPoint(units, {sha: view.files[sha] for sha in shas if sha in view.files})


def _earlier(name: str, wanted: Unit, view: ClusterState) -> Unit | None:
    known, template = view.units.get(name), view.units.get(template_of(name) or "")
    if known and known.previous_files and has_file(known, wanted):
        return known.with_file(known.newcomers_sha or min(known.previous_files))
    if known and known == wanted and template and template.sha in view.files:
        return replace(known, sha=template.sha)
    return known


def followers(name: str, view: ClusterState) -> list[str]:
    """The units that run on this unit's machine because it is there (`MachineOf=`)."""
    return sorted(
        other
        for other, unit in view.units.items()
        if unit.desired_state is DesiredState.LAUNCHED
        and (asked := view.requirements(other))
        and name in asked.machine_of
        and is_active(other, view)
    )


def pulls(name: str, text: str, other: str) -> bool:
    """Whether systemd starts `other` when it starts unit `name`, which has this file."""
    return service_of(other) in dependencies(name, text, PULLING)
