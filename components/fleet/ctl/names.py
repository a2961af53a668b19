"""Names as operators type them, and machines as fleetctl prints them."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import PurePath

from ..model import Machine
from ..unitfiles.unitfile import unit_name
from .errors import CtlError

SHORT_ID = 8
"""How many digits of a machine's id are printed without `--full`."""


def is_glob(given: str) -> bool:
    """Whether an argument is a pattern for several units."""
    return any(character in given for character in "*?[")


def name_of(given: str) -> str:
    """The unit that an argument names: the last part of a path, `.service` when it has no suffix.

    Raises:
        UnitFileError: no unit can have that name.
    """
    return unit_name(PurePath(given).name)


def select(given: Iterable[str], known: Collection[str]) -> list[str]:
    """The units that arguments name, each once; patterns are matched with the known units.

    Raises:
        CtlError: one of them names no known unit.
    """
    chosen: dict[str, None] = {}
    for argument in given:
        chosen.update(dict.fromkeys(_matches(argument, known)))
    return list(chosen)


def _matches(given: str, known: Collection[str]) -> list[str]:
    if given in known:
        return [given]  # Whatever is wrong with its name: it can be removed.
    if not is_glob(given):
        name = name_of(given)
        if name not in known:
            raise CtlError(f"there is no unit {name} in the cluster{did_you_mean(name, known)}")
        return [name]
    matches = sorted(name for name in known if _fits(name, given))
    if not matches:
        raise CtlError(f"no unit in the cluster matches {given!r}; see: fleetctl list-unit-files")
    return matches


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, pattern + ".service")


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A hint for the end of an error, or nothing when no known name is near."""
    near = get_close_matches(given, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def short(machine: str, full: bool = False) -> str:
    """A machine's id as it is printed: `3f2a91bc...`."""
    return machine if full or len(machine) <= SHORT_ID else f"{machine[:SHORT_ID]}..."


def legend(machine: str, machines: Mapping[str, Machine], full: bool = False) -> str:
    """A machine as it is printed: `3f2a91bc.../172.18.0.11`, or `3f2a91bc.../lost`."""
    known = machines.get(machine)
    return f"{short(machine, full)}/{known.address if known else 'lost'}"
