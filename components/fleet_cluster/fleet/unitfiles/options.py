"""The options of a unit file's `[X-Fleet]` section: their spellings, and what each accepts."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..service_name import ServiceName
from . import globs, names
from .names import UnitFileError
from .resources import check_cpus, check_memory
from .syntax import Directive, Syntax, refuse

SECTION = "X-Fleet"

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "MachineID": ("MachineID", "X-ConditionMachineID"),
    "MachineOf": ("MachineOf", "X-ConditionMachineOf"),
    "MachineMetadata": ("MachineMetadata", "X-ConditionMachineMetadata"),
    "Conflicts": ("Conflicts", "X-Conflicts"),
    "Global": ("Global",),
    "Replaces": ("Replaces",),
    "HealthySec": ("HealthySec",),
    "StartFirst": ("StartFirst",),
    "Fence": ("Fence",),
    "SoftConflicts": ("SoftConflicts",),
    "MaxPerMachine": ("MaxPerMachine",),
    "Spread": ("Spread",),
    "Memory": ("Memory",),
    "CPUs": ("CPUs",),
    "Once": ("Once",),
    "Name": ("Name",),
}
"""Each option, with the spelling of today first, then the one of fleet up to 0.8."""

ALL_SPELLINGS = tuple(spelling for spellings in SPELLINGS.values() for spelling in spellings)

_NAMES = ("MachineOf", "Conflicts", "SoftConflicts", "Replaces")
"""Options whose values are names or patterns, which hold no white space, also within quotes."""

TRUE = ("true", "yes", "on", "1", "t")
FALSE = ("false", "no", "off", "0", "f")

MAX_HEALTHY_SECONDS = 3600

_MACHINE_ID = re.compile(r"[0-9a-f]{32}")
_METADATA = re.compile(r"[^\s=!<>]+=[^=]+")
_KEY = re.compile(r"[^\s=!<>]+")
_COUNT = re.compile(r"[1-9]\d{0,5}")
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
_WORD = re.compile(r"\"([^\"]*)\"(?!\S)|'([^']*)'(?!\S)|([^\s\"']+)(?!\S)")
_SPECIFIER = re.compile(r"%.?")


@dataclass(frozen=True)
class Value:
    """A value of an option: one word of what it was set to."""

    text: str
    """With its specifiers expanded, unless it is open."""
    line: int
    spelling: str
    """The option as it is spelt there."""
    is_open: bool = False
    """It stands in a template and depends on the instance."""


def values(name: str, syntax: Syntax, option: str) -> list[Value]:
    """The values of `option`, in any of its spellings, in the file of unit `name`.

    Raises:
        UnitFileError: a value is not acceptable.
    """
    return [
        _accepted(name, syntax.file, directive, option, word)
        for directive in syntax.values(SECTION, *SPELLINGS[option])
        for quoted in _words(syntax.file, directive)
        for word in (quoted.split() if option in _NAMES else [quoted])
    ]


def check_known(syntax: Syntax) -> None:
    """Refuse options that do not exist, and options that stand in another section.

    Raises:
        UnitFileError: names the option that was probably meant.
    """
    for directive in syntax.directives:
        section, key = directive.section, directive.key
        if section == SECTION and key not in ALL_SPELLINGS:
            raise refuse(syntax.file, directive.line, _explain_unknown(key))
        # systemd has a Conflicts= of its own, in [Unit].
        if section != SECTION and key in ALL_SPELLINGS and key != "Conflicts":
            what = f"{key}= has no effect in [{section}]: move it to [{SECTION}]"
            raise refuse(syntax.file, directive.line, what)


def _explain_unknown(key: str) -> str:
    if key == "X-ConditionMachineBootID":
        return f"{key}: a boot id ends with that boot; use MachineID=, the id of the machine"
    spellings = {spelling.lower(): spelling for spelling in ALL_SPELLINGS}
    close = difflib.get_close_matches(key.lower(), spellings, n=1)
    advice = f"; did you mean {spellings[close[0]]}?" if close else ""
    return f"unknown option {key!r} in [{SECTION}]: allowed are {', '.join(SPELLINGS)}{advice}"


def _words(file: str, directive: Directive) -> Iterator[str]:
    """Split at white space; a word in quotes may hold some."""
    if _WORD.sub("", directive.value).strip():
        what = (
            f"{directive.key}={directive.value}: a quote is not closed, or is inside a word;"
            f' quote whole words: {directive.key}="first word" "second word"'
        )
        raise refuse(file, directive.line, what)
    for match in _WORD.finditer(directive.value):
        yield match[1] or match[2] or match[3] or ""


def _accepted(name: str, file: str, directive: Directive, option: str, word: str) -> Value:
    try:
        text = _expanded(name, word)
        if text is None:
            return Value(word, directive.line, directive.key, is_open=True)
        _CHECKS[option](name, text)
    except UnitFileError as error:
        raise refuse(file, directive.line, f"{directive.key}={word}: {error}") from error
    return Value(text, directive.line, directive.key)


def _expanded(name: str, word: str) -> str | None:
    """The word with its specifiers expanded; None if only an instance could tell."""
    known = names.specifiers(name)
    used = set(_SPECIFIER.findall(word))
    for specifier in sorted(used - known.keys()):
        raise UnitFileError(
            f"unknown specifier {specifier!r}: allowed are %n, %N, %p, %i, and %% for a"
            " percent sign"
        )
    if names.is_template(name) and used & {"%n", "%N", "%i"}:
        return None
    if "%i" in used and not known["%i"]:
        raise UnitFileError(
            f"%i is the instance, and {name} is not one: use %p, or make it a template,"
            f" {known['%N']}@.service"
        )
    return _SPECIFIER.sub(lambda match: known[match[0]], word)


def _check_machine_id(_name: str, value: str) -> None:
    if not _MACHINE_ID.fullmatch(value):
        raise UnitFileError(
            "not the full id of a machine, 32 hexadecimal digits in lower case:"
            " `fleetctl list-machines --full` shows them"
        )


def _check_peer(name: str, value: str) -> None:
    names.check_name(value)
    if value == name:
        raise UnitFileError("a unit cannot follow itself: name another one")
    if names.is_template(value):
        instance = value.replace("@.", "@%i.")
        raise UnitFileError(f"a template never runs: name an instance of it, such as {instance}")


def _check_metadata(_name: str, value: str) -> None:
    if not _METADATA.fullmatch(value):
        raise UnitFileError(
            "write key=value, with one equals sign and no other operator; a pair that holds"
            ' spaces needs quotes, as in MachineMetadata="location=new york"'
        )


def _check_boolean(_name: str, value: str) -> None:
    if value.lower() not in TRUE + FALSE:
        raise UnitFileError(f"not a boolean: allowed are {', '.join(TRUE + FALSE)}")


def _check_once(name: str, value: str) -> None:
    _check_boolean(name, value)
    if not name.endswith(".timer"):
        stem = name.rpartition(".")[0]
        raise UnitFileError(f"Once is about the elapses of a timer: write it into {stem}.timer")


def _check_pattern(_name: str, value: str) -> None:
    globs.check(value)


def _check_seconds(_name: str, value: str) -> None:
    if not _SECONDS.fullmatch(value) or float(value) > MAX_HEALTHY_SECONDS:
        raise UnitFileError(
            f"not a number of seconds from 0 to {MAX_HEALTHY_SECONDS}, such as 5 or 0.5"
        )


def _check_maximum(name: str, value: str) -> None:
    if not _COUNT.fullmatch(value):
        raise UnitFileError("not a number of instances, 1 or more")
    _check_template(name, "MaxPerMachine")


def _check_key(name: str, value: str) -> None:
    if not _KEY.fullmatch(value):
        raise UnitFileError("write the key of some metadata, such as zone or rack")
    _check_template(name, "Spread")


def _check_service_name(_name: str, value: str) -> None:
    try:
        ServiceName.parse(value)
    except ValueError as error:
        raise UnitFileError(str(error)) from error


def _check_template(name: str, option: str) -> None:
    if not names.is_template(name) and not names.instance_of(name):
        template = f"{names.specifiers(name)['%N']}@.{name.rpartition('.')[2]}"
        raise UnitFileError(
            f"{option} is about the instances of a template, and {name} is none: make it {template}"
        )


_CHECKS: Mapping[str, Callable[[str, str], None]] = {
    "MachineID": _check_machine_id,
    "MachineOf": _check_peer,
    "MachineMetadata": _check_metadata,
    "Conflicts": _check_pattern,
    "Global": _check_boolean,
    "Replaces": _check_pattern,
    "HealthySec": _check_seconds,
    "StartFirst": _check_boolean,
    "Fence": _check_boolean,
    "SoftConflicts": _check_pattern,
    "MaxPerMachine": _check_maximum,
    "Spread": _check_key,
    "Memory": check_memory,
    "CPUs": check_cpus,
    "Once": _check_once,
    "Name": _check_service_name,
}
