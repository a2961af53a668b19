"""Requirements of a unit: what its `[X-Fleet]` section asks of machines."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..service_name import ServiceName
from . import globs
from .options import SPELLINGS, TRUE, Value, check_known, values
from .quadlets.names import is_quadlet
from .quadlets.references import references
from .resources import Resources, read_resources
from .syntax import Syntax, refuse

_ONE_MACHINE = "MachineID already says where the unit runs"
_NEVER_MOVES = "it says how the unit moves, and this one never does"

_NO_CHOICE = "the unit has no choice of machines"

ZONE = "zone"
"""The metadata that instances are spread over if nothing else is said."""

CONTRADICTIONS: Mapping[tuple[str, str], str] = {
    ("MachineID", "MachineOf"): _ONE_MACHINE,
    ("MachineID", "Conflicts"): _ONE_MACHINE,
    ("MachineID", "Replaces"): _ONE_MACHINE,
    ("MachineID", "Global"): "choose between one machine and all machines",
    ("Global", "MachineOf"): "a Global unit runs on all machines; limit them by MachineMetadata",
    ("Global", "Replaces"): "a Global unit runs on all machines and could leave the other none",
    ("StartFirst", "Global"): _NEVER_MOVES,
    ("StartFirst", "MachineID"): _NEVER_MOVES,
    ("Fence", "Global"): "a Global unit runs on all machines anyway",
    ("Fence", "MachineID"): "the unit never runs on another machine anyway",
    ("Fence", "StartFirst"): "one never runs on two machines, the other does while it moves",
    ("SoftConflicts", "MachineID"): _NO_CHOICE,
    ("SoftConflicts", "MachineOf"): _NO_CHOICE,
    ("SoftConflicts", "Global"): _NO_CHOICE,
    ("Spread", "MachineID"): _NO_CHOICE,
    ("Spread", "MachineOf"): _NO_CHOICE,
    ("Spread", "Global"): _NO_CHOICE,
    ("MaxPerMachine", "MachineID"): _ONE_MACHINE,
    ("MaxPerMachine", "Global"): "a Global unit runs once on each machine anyway",
    ("Once", "Global"): "the cluster runs each elapse once, and a Global unit runs on all machines",
    ("Replaces", "Conflicts"): "either the other unit leaves, or this one keeps clear of it",
}
"""Pairs of options that cannot be used together, and why."""


@dataclass(frozen=True)
class Requirements:
    """Requirements: which machines a unit may run on."""

    machine_id: str | None = None
    """The one machine where it may run: 32 hexadecimal digits."""
    machine_of: tuple[str, ...] = ()
    """Units that it follows: all of them have to be on its machine."""
    machine_metadata: Mapping[str, frozenset[str]] = field(
        default_factory=dict[str, frozenset[str]]
    )
    """Metadata that the machine must have: every key, with one of the values."""
    conflicts: tuple[str, ...] = ()
    """Patterns of units that must not be on its machine; nor may it come to theirs."""
    replaces: tuple[str, ...] = ()
    """Patterns of units that have to leave its machine."""
    soft_conflicts: tuple[str, ...] = ()
    """Patterns of units that it had better not be with, nor they with it, where there is a choice.
    """
    max_per_machine: int = 0
    """The most instances of its template on its machine; 0: any number."""
    spread: str = ZONE
    """The metadata over whose values the instances of its template are spread first."""
    is_global: bool = False
    """It runs on every machine that has the metadata."""
    starts_first: bool = False
    """When it is moved, it may run on both machines until it is up on the new one."""
    is_fenced: bool = False
    """Its machine stops it before its lease can end."""
    is_once: bool = False
    """A timer of which the cluster runs each elapse once, on its machine."""
    runs_once: bool = False
    """It is done when its command has ended (`Type=oneshot` without `RemainAfterExit=`)."""
    resources: Resources = Resources()
    """What is reserved for it on its machine."""
    service: ServiceName | None = None
    """The name that it is found by in DNS, while it is up."""


def read_requirements(name: str, syntax: Syntax) -> Requirements:
    """The requirements in the `[X-Fleet]` section of unit `name`'s file.

    A template's values that depend on the instance (`%i`, `%n`, `%N`) stay as they are written.

    Raises:
        UnitFileError: an option is unknown, has a bad value, or contradicts another one.
    """
    check_known(syntax)
    given = {option: values(name, syntax, option) for option in SPELLINGS}
    found = _assembled(given)
    _check_contradictions(syntax.file, given, found)
    _check_peers(syntax.file, given["MachineOf"], found)
    resources = read_resources(syntax, _last(given["Memory"]), _last(given["CPUs"]))
    return replace(found, resources=resources, machine_of=_followed(name, syntax, found))


def _followed(name: str, syntax: Syntax, found: Requirements) -> tuple[str, ...]:
    """The units that it follows: those that it says, and as a quadlet those that it needs there.

    A unit that is on all machines follows none; its machine says what is missing.
    """
    if not is_quadlet(name) or found.is_global:
        return found.machine_of
    return _unique([*found.machine_of, *references(syntax)])


def _assembled(given: Mapping[str, list[Value]]) -> Requirements:
    words = {option: [value.text for value in found] for option, found in given.items()}
    metadata: dict[str, frozenset[str]] = {}
    for pair in words["MachineMetadata"]:
        key, _, value = pair.partition("=")
        metadata[key] = metadata.get(key, frozenset()) | {value}
    return Requirements(
        machine_id=_machine_id(given["MachineID"]),
        machine_of=_unique(words["MachineOf"]),
        machine_metadata=metadata,
        conflicts=_unique(words["Conflicts"]),
        replaces=_unique(words["Replaces"]),
        soft_conflicts=_unique(words["SoftConflicts"]),
        max_per_machine=int(_last(given["MaxPerMachine"]) or 0),
        spread=_last(given["Spread"]) or ZONE,
        is_global=_is_true(words["Global"]),
        starts_first=_is_true(words["StartFirst"]),
        is_fenced=_is_true(words["Fence"]),
        is_once=_is_true(words["Once"]),
        service=_service(given["Name"]),
    )


def _machine_id(given: list[Value]) -> str | None:
    """The first that is spelt as of today, or else the first."""
    order = SPELLINGS["MachineID"].index
    return min(given, key=lambda value: order(value.spelling)).text if given else None


def _service(given: list[Value]) -> ServiceName | None:
    name = _last(given)
    return ServiceName.parse(name) if name else None


def _last(given: list[Value]) -> str:
    """The last value that does not depend on the instance; empty when there is none."""
    return given[-1].text if given and not given[-1].is_open else ""


def _is_true(words: list[str]) -> bool:
    return bool(words) and words[-1].lower() in TRUE


def _unique(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _check_contradictions(file: str, given: Mapping[str, list[Value]], found: Requirements) -> None:
    used = {option for option, words in given.items() if words}
    if not found.is_global:
        used.discard("Global")
    if not found.starts_first:
        used.discard("StartFirst")
    if not found.is_fenced:
        used.discard("Fence")
    if not found.is_once:
        used.discard("Once")
    for (one, other), reason in CONTRADICTIONS.items():
        if one in used and other in used:
            line = max(given[one][-1].line, given[other][-1].line)
            raise refuse(file, line, f"{one} cannot be used with {other}: {reason}")


def _check_peers(file: str, peers: list[Value], found: Requirements) -> None:
    """Refuse a unit that is to be with another one, and without it."""
    for option, patterns in (("Conflicts", found.conflicts), ("Replaces", found.replaces)):
        for peer in peers:
            for pattern in patterns:
                if globs.matches(pattern, peer.text):
                    raise refuse(
                        file,
                        peer.line,
                        f"MachineOf={peer.text} asks to be with a unit that {option}={pattern}"
                        " keeps away: remove one of the two",
                    )
