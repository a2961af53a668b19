"""Orphans: units that machines run with files that etcd does not know them to have (pure).

etcd was emptied, restored, or is a new one. What it does not tell of a unit, its machines report.
"""

from collections.abc import Mapping
from dataclasses import replace

from ...cluster_state.placement import UP
from ...cluster_state.state import ClusterState
from ...model.records import Unit
from ...unitfiles.unitfile import is_template, template_of


def orphaned_files(name: str, view: ClusterState) -> dict[str, str]:
    """The file (SHA-256) of a unit on each machine that runs it as an orphan, unless etcd has it.

    As fleetd reports what it runs before it announces its machine, no machine that is alive is
    missing.
    """
    known = view.units.get(name)
    return {
        machine: state.sha
        for machine, state in view.reports(name).items()
        if state.orphan
        and state.active in UP
        and (known is None or known.sha_on(machine) != state.sha)
    }


def has_orphans(name: str, view: ClusterState) -> bool:
    """Whether etcd does not know what a unit runs with, or an instance of a template."""
    members = [n for n in view.states if template_of(n) == name] if is_template(name) else [name]
    return any(orphaned_files(member, view) for member in members)


def as_it_runs(
    wanted: Mapping[str, Unit], texts: Mapping[str, str], view: ClusterState
) -> ClusterState:
    """The state with the records that etcd would have of these units if it had lost nothing."""
    then = view.preview(wanted, texts)
    found = {name: _record(name, unit, view, then) for name, unit in wanted.items()}
    lost = {name: unit for name, unit in found.items() if unit}
    return view.preview(lost, texts) if lost else view


def _record(name: str, unit: Unit, view: ClusterState, then: ClusterState) -> Unit | None:
    """The record of a unit by what its machines run; None if it would tell nothing new."""
    known = view.units.get(name, unit)
    files = orphaned_files(name, view)
    others = {machine: sha for machine, sha in files.items() if sha != known.sha_on(machine)}
    if not others:
        return None
    if then.is_global(name):
        # Its own file is known: without that, nobody could tell that it is Global.
        return replace(known, retained_files={**known.retained_files, **others})
    return replace(known, sha=min(others.values()))
