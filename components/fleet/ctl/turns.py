"""In which order units get a new file, and the way back (pure)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from ..model import Target, Unit
from ..store import batches
from ..unitfiles import names
from ..unitfiles.syntax import read
from ..unitfiles.unitfile import is_template, template_of
from .view import View

UP = ("active", "reloading")
"""The ACTIVE states of a unit that runs."""
PULLING = ("Wants", "Requires", "Requisite", "BindsTo", "Upholds")
"""The options by which a unit makes systemd start another one with it."""


@dataclass(frozen=True)
class Turns:
    """The units that differ, in the order in which they are changed."""

    first: list[str] = field(default_factory=list[str])
    """Those that do not run with another file, all at once: no capacity is lost."""
    rolled: list[list[str]] = field(default_factory=list[list[str]])
    """Those that do, a few at a time."""
    last: list[str] = field(default_factory=list[str])
    """Templates: until all else is done, they name the file to go back to."""


def turns(wanted: Mapping[str, Unit], view: View, max_unavailable: int) -> Turns:
    """The order in which to make units as wanted.

    In each turn, at most `max_unavailable` instances of each template; those that do not run at
    present come first.
    """
    changed = [name for name, unit in wanted.items() if view.units.get(name) != unit]
    last = [name for name in changed if is_template(name) and name in view.units]
    rolled = [name for name in changed if is_rolled(wanted[name], view.units.get(name))]
    first = [name for name in changed if name not in rolled and name not in last]
    return Turns(first, in_turn(rolled, view, max_unavailable), last)


def in_turn(rolled: Iterable[str], view: View, max_unavailable: int) -> list[list[str]]:
    """Units a few at a time, of each template as many as that."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(rolled, key=lambda name: (is_active(name, view), name)):
        groups[template_of(name) or name].append(name)
    parts = [list(batches(group, max_unavailable)) for _, group in sorted(groups.items())]
    return [[name for part in turn for name in part] for turn in zip_longest(*parts, fillvalue=[])]


def is_rolled(wanted: Unit, known: Unit | None) -> bool:
    """Whether a unit that is to run gets another file."""
    return (
        known is not None
        and known.sha != wanted.sha
        and known.target is Target.LAUNCHED
        and wanted.target is Target.LAUNCHED
    )


def is_active(name: str, view: View) -> bool:
    """Whether the unit runs, on all machines where it is."""
    states = view.reported(name).values()
    return bool(states) and all(state.active in UP for state in states)


@dataclass(frozen=True)
class Past:
    """What to go back to when a rollout fails."""

    units: Mapping[str, Unit | None]
    """The records; None for a unit that did not exist."""
    texts: Mapping[str, str]
    """The files that they name: another command may have removed them by then."""


def past(wanted: Mapping[str, Unit], view: View) -> Past:
    """What is so now; of a rollout that was interrupted, what was so before that.

    Templates are changed last. So while an instance has the wanted file and its template has not,
    the template's file is the one that the instance had before.
    """
    units = {name: _earlier(name, unit, view) for name, unit in wanted.items()}
    shas = {unit.sha for unit in units.values() if unit}
    return Past(units, {sha: view.files[sha] for sha in shas if sha in view.files})


def _earlier(name: str, wanted: Unit, view: View) -> Unit | None:
    known, template = view.units.get(name), view.units.get(template_of(name) or "")
    if known and known == wanted and template and template.sha in view.files:
        return replace(known, sha=template.sha)
    return known


def followers(name: str, view: View) -> list[str]:
    """The units that run on this unit's machine because it is there (`MachineOf=`)."""
    return sorted(
        other
        for other, unit in view.units.items()
        if unit.target is Target.LAUNCHED
        and (asked := view.requirements(other))
        and name in asked.machine_of
        and is_active(other, view)
    )


def pulls(name: str, text: str, other: str) -> bool:
    """Whether systemd starts `other` when it starts unit `name`, which has this file."""
    return other in names_in(name, text, PULLING)


def names_in(name: str, text: str, options: Iterable[str]) -> set[str]:
    """The units that the file of unit `name` has in these options of its section [Unit]."""
    return {
        _expanded(name, word)
        for assignment in read(name, text).values("Unit", *options)
        for word in assignment.value.split()
    }


def _expanded(name: str, word: str) -> str:
    for specifier, text in names.specifiers(name).items():
        word = word.replace(specifier, text)
    return word
