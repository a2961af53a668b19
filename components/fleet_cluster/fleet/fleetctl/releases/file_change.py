"""File change: a unit, or a template with its instances, as they are with another file (pure)."""

from collections import Counter
from collections.abc import Mapping

from ...cluster_state.state import ClusterState
from ...model.records import Unit
from ...unitfiles.text import sha_of
from ...unitfiles.unitfile import is_template, parse, template_of
from ..cli.errors import CtlError
from ..cli.names import name_of
from ..cli.spelling import did_you_mean


def wanted(given: str, files: Mapping[str, str], view: ClusterState) -> tuple[dict[str, Unit], str]:
    """A unit, or a template with its instances, as they are to be; and their file.

    Raises:
        CtlError: the cluster has no such unit, or it is an instance.
        UnitFileError: the file is bad.
    """
    name = name_of(given)
    template = template_of(name)
    if template:
        raise CtlError(f"{name} has the file of its template: fleetctl rollout {template}")
    known = {**view.units, **unknown_template(name, view)}
    if name not in known:
        hint = did_you_mean(name, view.units)
        raise CtlError(f"there is no unit {name} in the cluster{hint}; to start it: fleetctl start")
    text = files.get(name, view.text_of(name))
    if text is None:
        raise CtlError(
            f"the cluster has no file of {name}{'' if name in view.units else ' itself'}: "
            f"give yours, as ./{name}"
        )
    members = [name, *_instances(name, view)]
    for member in members:
        parse(member, text)
    return {n: known[n].with_file(sha_of(text)) for n in sorted(members)}, text


def _instances(name: str, view: ClusterState) -> list[str]:
    return [other for other in view.units if is_template(name) and template_of(other) == name]


def unknown_template(name: str, view: ClusterState) -> dict[str, Unit]:
    """The template that the cluster lacks, with the file of its instances: that of most of them.

    They were started from a file elsewhere. In the cluster, it names the file to go back to.
    """
    shas = Counter(view.units[instance].sha for instance in _instances(name, view))
    if name in view.units or not shas:
        return {}
    return {name: Unit(shas.most_common(1)[0][0])}


def nothing_rolled(name: str, units: Mapping[str, Unit], view: ClusterState) -> str:
    """What to say when no running unit is to be rolled."""
    number = len(units) - 1
    which = f"{name} with {number} instance{'s'[: number > 1]}" if number else name
    if all(view.units.get(one) == unit for one, unit in units.items()):
        return f"Nothing to roll: {which} has this file already"
    return f"{which} has the new file; nothing of it was running"
