"""The `[X-Fleet]` section: where a unit may run."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from . import globs, names
from .names import UnitFileError
from .syntax import Assignment, Syntax, refuse

SECTION = "X-Fleet"

SPELLINGS = {
    "MachineID": ("MachineID", "X-ConditionMachineID"),
    "MachineOf": ("MachineOf", "X-ConditionMachineOf"),
    "MachineMetadata": ("MachineMetadata", "X-ConditionMachineMetadata"),
    "Conflicts": ("Conflicts", "X-Conflicts"),
    "Global": ("Global",),
    "Replaces": ("Replaces",),
}
"""Each option, with the spelling of today first and then the one of fleet up to 0.8."""

EXCLUSIVE = {
    ("MachineID", "MachineOf"): "MachineID alone already names the machine",
    ("MachineID", "Conflicts"): "MachineID alone already names the machine",
    ("MachineID", "Global"): "choose one machine or all of them",
    ("MachineID", "Replaces"): "MachineID alone already names the machine",
    ("Global", "MachineOf"): "a Global unit runs on every machine; limit it with MachineMetadata",
    ("Global", "Replaces"): "a Global unit runs on every machine, beside any other unit",
    ("Replaces", "Conflicts"): "Replaces moves the other unit away, Conflicts keeps clear of it",
}
"""Options that contradict each other, and why."""

TRUE = ("true", "yes", "on", "1", "t")
FALSE = ("false", "no", "off", "0", "f")

_MACHINE_ID = re.compile(r"[0-9a-f]{32}")
_METADATA = re.compile(r"(?P<key>[^\s=!<>]+)=(?P<value>[^=]+)")
_WORD = re.compile(r"\"([^\"]*)\"(?!\S)|'([^']*)'(?!\S)|([^\s\"']+)(?!\S)")
_SPECIFIER = re.compile(r"%(.?)", re.DOTALL)


@dataclass(frozen=True)
class Requirements:
    """Which machines a unit may run on."""

    machine_id: str | None = None
    """The one machine that it may run on: 32 hexadecimal digits."""
    machine_of: tuple[str, ...] = ()
    """Units on whose machine it must run: all of them."""
    machine_metadata: Mapping[str, frozenset[str]] = field(
        default_factory=dict[str, frozenset[str]]
    )
    """Metadata that the machine must have: each of the keys, with any one of its values."""
    conflicts: tuple[str, ...] = ()
    """Patterns of units beside which it must not run, nor they beside it."""
    replaces: tuple[str, ...] = ()
    """Patterns of units that have to leave its machine."""
    is_global: bool = False
    """It runs on every machine that has the metadata."""


def requirements(name: str, syntax: Syntax) -> Requirements:
    """Read the `[X-Fleet]` section of unit `name`.

    In a template, values that depend on the instance (`%i`, `%n`, `%N`) are kept as they are;
    they can only be checked in an instance.

    Raises:
        UnitFileError: an option is unknown, malformed, or contradicts another.
    """
    _check_options(syntax)
    values = {option: list(_values(name, syntax, option)) for option in SPELLINGS}
    for option, check in _CHECKS.items():
        for value in values[option]:
            if not value.is_open:
                _checked(syntax.file, value, check, name)
    found = _assemble(values)
    _check_contradictions(syntax.file, values, found)
    return found


@dataclass(frozen=True)
class _Value:
    """One word of an option's value, its specifiers expanded."""

    option: str
    text: str
    line: int
    is_open: bool
    """It depends on an instance that is not known yet."""


def _check_options(syntax: Syntax) -> None:
    allowed = [spelling for spellings in SPELLINGS.values() for spelling in spellings]
    for assignment in syntax.assignments:
        if assignment.section == SECTION and assignment.key not in allowed:
            raise refuse(syntax.file, assignment.line, _explain_unknown(assignment.key, allowed))


def _explain_unknown(key: str, allowed: list[str]) -> str:
    if key == "X-ConditionMachineBootID":
        return f"{key}: a boot id is gone with the next boot; use MachineID=<id of the machine>"
    by_lower = {option.lower(): option for option in allowed}
    close = difflib.get_close_matches(key.lower(), by_lower, n=1)
    advice = f"did you mean {by_lower[close[0]]}?" if close else "see docs/units.md"
    return f"unknown option {key!r} in [{SECTION}]: allowed are {', '.join(SPELLINGS)}; {advice}"


def _values(name: str, syntax: Syntax, option: str) -> Iterator[_Value]:
    for spelling in SPELLINGS[option]:
        for assignment in syntax.values(SECTION, spelling):
            for word in _words(syntax.file, assignment):
                yield _expanded(name, syntax.file, assignment, option, word)


def _words(file: str, assignment: Assignment) -> list[str]:
    """Split at white space; a word in quotes may hold some."""
    value = assignment.value
    if _WORD.sub("", value).strip():
        raise refuse(
            file,
            assignment.line,
            f"{assignment.key}={value}: a quote is not closed, or stands inside of a word;"
            f' quote whole words: {assignment.key}="first word" "second word"',
        )
    return [match[1] or match[2] or match[3] or "" for match in _WORD.finditer(value)]


def _expanded(name: str, file: str, assignment: Assignment, option: str, word: str) -> _Value:
    known = names.specifiers(name)
    used = {match[0] for match in _SPECIFIER.finditer(word)}
    unknown = sorted(used - known.keys())
    if unknown:
        raise refuse(
            file,
            assignment.line,
            f"{assignment.key}={assignment.value}: {unknown[0]!r} is not known in [{SECTION}];"
            " allowed are %n %N %p %i, and %% for a percent sign",
        )
    if "%i" in used and "@" not in name:
        raise refuse(
            file,
            assignment.line,
            f"{assignment.key}={assignment.value}: %i is the instance, but {name} is none;"
            " use %p, or make it a template (name@.service)",
        )
    if names.is_template(name) and used & {"%i", "%n", "%N"}:
        return _Value(option, word, assignment.line, is_open=True)
    text = _SPECIFIER.sub(lambda match: known[match[0]], word)
    return _Value(option, text, assignment.line, is_open=False)


def _checked(file: str, value: _Value, check: Callable[[str, str], None], name: str) -> None:
    try:
        check(name, value.text)
    except UnitFileError as error:
        raise refuse(file, value.line, f"{value.option}={value.text}: {error}") from error


def _check_machine_id(_name: str, value: str) -> None:
    if not _MACHINE_ID.fullmatch(value):
        raise UnitFileError(
            "the whole id of a machine is wanted, 32 hexadecimal digits in lower case:"
            " `fleetctl list-machines --full` shows it"
        )


def _check_peer(name: str, value: str) -> None:
    if not globs.is_literal(value):
        raise UnitFileError("wildcards are not possible here, name one unit")
    try:
        names.check_name(value)
    except UnitFileError as error:
        raise UnitFileError(f"the full name of a unit is wanted: {error}") from error
    if value == name:
        raise UnitFileError("a unit cannot follow itself")
    if names.is_template(value):
        example = value.replace("@.", "@%i.")
        raise UnitFileError(f"a template never runs: name an instance of it, such as {example}")


def _check_metadata(_name: str, value: str) -> None:
    if not _METADATA.fullmatch(value):
        raise UnitFileError(
            "key=value is wanted, with one equals sign; repeat a key to allow several values;"
            ' quote a pair that holds spaces: MachineMetadata="location=new york"'
        )


def _check_pattern(_name: str, value: str) -> None:
    globs.check(value)


def _check_boolean(_name: str, value: str) -> None:
    if value.lower() not in TRUE + FALSE:
        raise UnitFileError(f"allowed are {', '.join(TRUE)} and {', '.join(FALSE)}")


_CHECKS: dict[str, Callable[[str, str], None]] = {
    "MachineID": _check_machine_id,
    "MachineOf": _check_peer,
    "MachineMetadata": _check_metadata,
    "Conflicts": _check_pattern,
    "Global": _check_boolean,
    "Replaces": _check_pattern,
}


def _assemble(values: Mapping[str, list[_Value]]) -> Requirements:
    texts = {option: [value.text for value in found] for option, found in values.items()}
    metadata: dict[str, frozenset[str]] = {}
    for pair in texts["MachineMetadata"]:
        key, _, value = pair.partition("=")
        metadata[key] = metadata.get(key, frozenset()) | {value}
    return Requirements(
        machine_id=texts["MachineID"][0] if texts["MachineID"] else None,
        machine_of=_unique(texts["MachineOf"]),
        machine_metadata=metadata,
        conflicts=_unique(texts["Conflicts"]),
        replaces=_unique(texts["Replaces"]),
        is_global=bool(texts["Global"]) and texts["Global"][-1].lower() in TRUE,
    )


def _unique(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _check_contradictions(
    file: str, values: Mapping[str, list[_Value]], found: Requirements
) -> None:
    used = {option: bool(given) for option, given in values.items()} | {"Global": found.is_global}
    for (one, other), reason in EXCLUSIVE.items():
        if used[one] and used[other]:
            line = max(values[one][-1].line, values[other][-1].line)
            raise refuse(file, line, f"{one} cannot be used with {other}: {reason}")
    for peer in found.machine_of:
        for option, patterns in (("Conflicts", found.conflicts), ("Replaces", found.replaces)):
            for pattern in patterns:
                if globs.matches(pattern, peer):
                    raise refuse(
                        file,
                        values[option][-1].line,
                        f"MachineOf={peer} contradicts {option}={pattern}, which matches it:"
                        " the unit could run nowhere; remove one of them",
                    )
