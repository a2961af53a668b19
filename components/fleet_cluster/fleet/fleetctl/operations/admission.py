"""Admission of unit files that are new to a cluster: where they are submitted, and nowhere else."""

from collections.abc import Mapping

from ...cluster_state.state import ClusterState
from ...lint.unit_file import lint
from ...model.records import Unit
from ...unitfiles.sockets import accepted_template
from ...unitfiles.unitfile import is_template
from ..cli.errors import CtlError
from ..cli.output import tell


def admit(units: Mapping[str, Unit | None], texts: Mapping[str, str], view: ClusterState) -> None:
    """Refuse new files that are bad, and remark on what is passed over in the others.

    Raises:
        UnitFileError: each fault in its line.
        CtlError: a socket lacks the template that it accepts connections with.
    """
    _check_sockets(units, texts, view)
    found = lint(new_files(units, texts, view))
    found.refuse()
    for line in [found.notice, *(line for lines in found.remarks.values() for line in lines)]:
        if line:
            tell(line)


def _check_sockets(
    units: Mapping[str, Unit | None], texts: Mapping[str, str], view: ClusterState
) -> None:
    for name, unit in units.items():
        template = accepted_template(name, texts.get(unit.sha, "")) if unit else None
        if template and template not in view.units and not units.get(template):
            raise CtlError(
                f"{name} has Accept=yes, so systemd makes instances of {template}, which is not in"
                f" the cluster: fleetctl submit {template} first"
            )


def new_files(
    units: Mapping[str, Unit | None], texts: Mapping[str, str], view: ClusterState
) -> dict[str, str]:
    """The files that the cluster does not have yet, each once: by its template, or else a unit.

    What the cluster has was accepted once, and an update of fleet takes nothing back.
    """
    named: dict[str, str] = {}
    for name in sorted(units, key=is_template):
        unit = units[name]
        if unit and unit.sha in texts and unit.sha not in view.files:
            named[unit.sha] = name
    return {name: texts[sha] for sha, name in named.items()}
