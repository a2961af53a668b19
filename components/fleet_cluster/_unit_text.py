"""The text of a unit file as it is sent: its placeholders filled in, and then checked."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pulumi

from .errors import InputError
from .fleet.lint.unit_file import lint, read_unit_file
from .fleet.unitfiles.names import UnitFileError

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_AT_LINE = re.compile(r"[^\s:]+:(\d+): ")


def read_unit(path: Path, values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """A unit file's text with its placeholders filled in, checked before anything is touched.

    What is known when the program runs is checked then; the filled text as soon as all values are
    known: in a preview, unless one of them follows from what is not made yet.

    Raises:
        InputError: no such file, a bad unit file, an unknown or an unused placeholder, or a value
            that is a secret.
    """
    text = read_text(path)
    given: object = values
    if isinstance(given, pulumi.Output):
        # YAML makes one output of all, as soon as one value is an output.
        return _read_later(path.name, text, cast("pulumi.Output[Mapping[str, str]]", given))
    known = {name: value for name, value in values.items() if isinstance(value, str)}
    _check_open(path.name, fill(text, known))
    check_placeholders(path.name, text, values)
    if len(known) == len(values):
        return pulumi.Output.from_input(_checked(path.name, fill(text, known)))
    public = {name: _public(path.name, name, value) for name, value in values.items()}
    return pulumi.Output.all(**public).apply(lambda known: _checked(path.name, fill(text, known)))


def _read_later(
    name: str, text: str, values: pulumi.Output[Mapping[str, str]]
) -> pulumi.Output[str]:
    """The text with values of which not even the names are known when the program runs."""
    _check_open(name, text)

    def read(both: Sequence[Any]) -> str:
        known = {one: str(value) for one, value in both[0].items()}
        check_placeholders(name, text, known)
        _refuse_secret(name, ", ".join(sorted(known)), "", both[1])  # Not known which of them.
        return _checked(name, fill(text, known))

    secret = pulumi.Output.from_input(values.is_secret())
    return pulumi.Output.all(values, secret).apply(read)


def read_text(path: Path) -> str:
    """The text of a unit file.

    Raises:
        InputError: there is none, or it has drop-ins.
    """
    try:
        return read_unit_file(path)
    except (OSError, UnitFileError) as error:
        raise InputError("file", str(error)) from error


def placeholders(text: str) -> list[str]:
    """The names of its {{placeholders}}."""
    return sorted(set(_PLACEHOLDER.findall(text)))


def check_placeholders(name: str, text: str, values: Mapping[str, object]) -> None:
    """Refuse a text whose placeholders are not exactly the given values.

    Raises:
        InputError: a value is missing, or has no placeholder.
    """
    wanted = placeholders(text)
    for missing in (one for one in wanted if one not in values):
        raise InputError(
            f"values.{missing}",
            f"the placeholder {{{{{missing}}}}} has no value; given: "
            f"{', '.join(sorted(values)) or 'nothing'}. Pass it in `values`, or correct the name "
            f"in {name}.",
        )
    for unused in sorted(set(values) - set(wanted)):
        raise InputError(
            f"values.{unused}",
            f"the value {unused!r} is not used; {name} has: "
            f"{', '.join(wanted) or 'no placeholder'}. Remove it from `values`.",
        )


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with each {{placeholder}} replaced that has a value."""
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1), match.group()), text)


def _checked(name: str, text: str) -> str:
    """The text, if fleet and systemd take it; what they pass over is warned of."""
    found = lint({name: text})
    try:
        found.refuse()
    except UnitFileError as error:
        raise InputError("file", str(error)) from error
    for remark in found.remarks.get(name, ()):
        pulumi.log.warn(remark)
    return text


def _check_open(name: str, text: str) -> None:
    """Refuse what no value can mend: a fault in a line without an open placeholder."""
    fault = lint({name: text}, ask_systemd=False).faults.get(name, "")
    at_line = _AT_LINE.match(fault)
    lines = text.splitlines()
    if fault and not (at_line and _PLACEHOLDER.search(lines[int(at_line[1]) - 1])):
        raise InputError("file", fault)


def _public(unit: str, name: str, value: pulumi.Input[str]) -> pulumi.Output[str]:
    """The value, unless it is a secret: everybody on a machine can read its unit files.

    Raises:
        InputError: when the value is known, and is a secret.
    """
    given = pulumi.Output.from_input(value)
    secret = pulumi.Output.from_input(given.is_secret())
    return pulumi.Output.all(given, secret).apply(
        lambda both: _refuse_secret(unit, name, str(both[0]), cast("bool", both[1]))
    )


def _refuse_secret(unit: str, name: str, value: str, secret: bool) -> str:
    if secret:
        raise InputError(
            f"values.{name}",
            f"this value of {unit} is a secret, and a unit file is none: everybody on its "
            "machine can read it. Put it into etcd with EtcdKeys, and let the unit's program read "
            "it there; or, if it is no secret, pass pulumi.Output.unsecret(value).",
        )
    return value
