"""Names as operators type them, and machines as fleetctl prints them."""

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePath

from ...model.records import MachineState
from ...unitfiles.names import UnitFileError, check_name, unit_name
from ...unitfiles.quadlets.names import service_of
from .errors import CtlError
from .spelling import did_you_mean

MACHINE_HELP = "id, its beginning, address, host name"
"""What operators may call a machine, in all commands."""
SHORT_ID = 8
"""How many digits of a machine's id are printed without `--full`."""
SHORT_HASH = 7
"""How many digits of a file's hash are."""


def is_glob(given: str) -> bool:
    """Whether an argument is a pattern for several units; a path's folders may hold brackets."""
    return any(character in PurePath(given).name for character in "*?[")


def name_of(given: str) -> str:
    """The unit that an argument names: the last part of a path, `.service` when it has no suffix.

    Raises:
        UnitFileError: no unit can have that name.
    """
    return unit_name(PurePath(given).name)


def misnomer(unit: str) -> str:
    """Why a unit in the cluster is not to become a word of a command; empty when it may."""
    try:
        check_name(unit)
    except UnitFileError as error:
        return str(error)
    return ""


def select(
    given: Iterable[str], known: Collection[str], fitting: Collection[str] | None = None
) -> list[str]:
    """The units that arguments name, each once; patterns are matched with the known units.

    Args:
        given: what the operator typed.
        known: the units that there are.
        fitting: those of them that patterns stand for, if not for all: the command makes sense
            for these only, such as for no template.

    Raises:
        CtlError: one of them names no known unit.
    """
    chosen: dict[str, None] = {}
    for argument in given:
        meant = known if fitting is None or not is_glob(argument) else fitting
        chosen.update(dict.fromkeys(_matches(argument, meant)))
    return list(chosen)


def listed(given: Iterable[str], known: Collection[str]) -> list[str]:
    """The units that arguments of a list command name, in order: all, without arguments.

    A pattern may match none: so `list-units 'web@*'` tells that there is none.

    Raises:
        CtlError: an argument that is no pattern names no known unit.
    """
    given = list(given)
    names = select([one for one in given if not is_glob(one)], known)
    fitting = (name for name in known if any(is_glob(one) and _fits(name, one) for one in given))
    return sorted({*names, *fitting} if given else known)


def _matches(given: str, known: Collection[str]) -> list[str]:
    if given in known:
        return [given]  # Whatever is wrong with its name: it can be removed.
    if not is_glob(given):
        name = name_of(given)
        if name not in known:
            raise CtlError(f"there is no unit {name} in the cluster{_meant(name, known)}")
        return [name]
    matches = sorted(name for name in known if _fits(name, given))
    if not matches:
        raise CtlError(f"no unit in the cluster matches {given!r}; see: fleetctl list-unit-files")
    return matches


def _meant(name: str, known: Collection[str]) -> str:
    """A hint for the end of an error: the quadlet of this service, or what is spelt like it."""
    quadlets = [one for one in known if service_of(one) == name]
    if quadlets:
        return f": it is the service that Podman makes of {quadlets[0]}; name that"
    return did_you_mean(name, known)


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, pattern + ".service")


def machine_named(given: str, machines: Mapping[str, MachineState]) -> str:
    """The id of the machine that has this id, address or host name; empty if none has.

    Raises:
        CtlError: several have it.
    """
    found = [id for id, on in machines.items() if given in (id, on.address, on.hostname)]
    if len(found) > 1:
        which = ", ".join(legend(id, machines) for id in found)
        raise CtlError(f"{given!r} is the name of several machines, say which by its id: {which}")
    return found[0] if found else ""


def machine_meant(
    given: str, machines: Mapping[str, MachineState], lost: Iterable[str] = ()
) -> str:
    """The same, or the machine whose id begins so: as it is printed, `3f2a91bc...`, too.

    Args:
        given: what the operator typed.
        machines: those that are alive.
        lost: the ids of others.

    Raises:
        CtlError: that may be several machines.
    """
    exact = machine_named(given, machines)
    beginning = given.partition("/")[0].removesuffix("...")
    if exact or not beginning:
        return exact
    found = sorted(id for id in {*machines, *lost} if id.startswith(beginning))
    if len(found) > 1:
        which = ", ".join(legend(id, machines) for id in found)
        raise CtlError(f"{given!r} is the beginning of several machine ids: {which}")
    return found[0] if found else ""


def short(machine: str, full: bool = False) -> str:
    """A machine's id as it is printed: `3f2a91bc...`."""
    return machine if full or len(machine) <= SHORT_ID else f"{machine[:SHORT_ID]}..."


def legend(machine: str, machines: Mapping[str, MachineState], full: bool = False) -> str:
    """A machine as it is printed: `3f2a91bc.../172.18.0.11`, or `3f2a91bc.../lost`."""
    known = machines.get(machine)
    return f"{short(machine, full)}/{known.address if known else 'lost'}"
