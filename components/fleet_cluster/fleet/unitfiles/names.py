"""Unit names: what systemd accepts, templates and their instances, and `%` specifiers."""

import difflib
import re

from .quadlets import names as quadlets

MAX_LENGTH = 248
"""The longest unit name, in characters.

Linux stores file names of 255, and others are made of a unit's name: the folder of its drop-ins
(`NAME.d`), the stamp of a timer (`stamp-NAME`).
"""

SYSTEMD_TYPES = (
    *("service", "socket", "timer", "path", "target", "mount", "automount", "swap", "slice"),
)
TYPES = (*SYSTEMD_TYPES, *quadlets.TYPES)
TEMPLATE_TYPES = ("service", "socket", "timer", "path", "target", *quadlets.TEMPLATE_TYPES)

_TYPES_WITHOUT_A_FILE = {
    "device": "systemd makes device units itself, from the devices it finds",
    "scope": "scope units are made by running programs, not from files",
    "snapshot": "systemd no longer has snapshot units",
    "busname": "systemd no longer has busname units",
    "kube": "fleet takes no files of Kubernetes: write a .pod and its .container files",
    "image": "the container that names an image pulls it",
    "build": "machines build no images: name one of a registry in Image=",
}
_NAME = re.compile(r"(?P<prefix>[^@.][^@]*)(?P<at>@(?P<instance>.*))?\.(?P<type>[^.]+)", re.DOTALL)
_FOREIGN_CHARACTER = re.compile(r"[^A-Za-z0-9:_.\\@-]")


class UnitFileError(ValueError):
    """A unit's name or its file is not acceptable.

    The message says where (`file:line:`), what is wrong, what was given, what is allowed and what
    to do instead.
    """


def unit_name(given: str) -> str:
    """The full name of the unit that a user calls `given`: `web` means `web.service`.

    Raises:
        UnitFileError: no unit can have this name.
    """
    name = given if "." in given.rpartition("@")[2] else f"{given}.service"
    check_name(name)
    return name


def check_name(name: str) -> None:
    """Refuse a name under which systemd would not load a unit file.

    Raises:
        UnitFileError: says which rule the name breaks.
    """
    foreign = _FOREIGN_CHARACTER.search(name)
    if foreign:
        raise UnitFileError(_explain_character(name, foreign[0]))
    if name.startswith("-"):
        raise UnitFileError(
            f"{name!r} is not a unit's name: commands would take it for an option;"
            " begin it with a letter or a digit"
        )
    if len(quadlets.service_of(name)) > MAX_LENGTH:
        raise UnitFileError(
            f"unit name {name[:40]!r}... has {len(name)} characters: at most {MAX_LENGTH} fit"
            " into the names of files"
        )
    parts = _NAME.fullmatch(name)
    if not parts:
        raise UnitFileError(f"{name!r} is not a unit's name: {_explain_form(name)}")
    _check_type(name, parts["type"])
    if parts["at"] and parts["type"] not in TEMPLATE_TYPES:
        raise UnitFileError(
            f"{name!r}: {parts['type']} units have no templates and instances;"
            f" types that do: {', '.join(TEMPLATE_TYPES)}"
        )


def check_runs(name: str) -> None:
    """Refuse a name that no unit on a machine can have.

    Raises:
        UnitFileError: says why.
    """
    check_name(name)
    if is_template(name):
        raise UnitFileError(f"{name!r} is a template, which never runs itself")


def is_template(name: str) -> bool:
    """Whether it names a template (`web@.service`): a unit that never runs itself."""
    parts = _NAME.fullmatch(name)
    return parts is not None and parts["at"] == "@"


def template_of(name: str) -> str | None:
    """The template of an instance: `web@.service` of `web@1.service`; None for other units."""
    parts = _NAME.fullmatch(name)
    if not parts or not parts["instance"]:
        return None
    return f"{parts['prefix']}@.{parts['type']}"


def instance_of(name: str) -> str | None:
    """The instance's own part: `1` of `web@1.service`; None for units that are no instance."""
    parts = _NAME.fullmatch(name)
    return (parts["instance"] or None) if parts else None


def specifiers(name: str) -> dict[str, str]:
    """What `%n`, `%N`, `%p`, `%i` and `%%` stand for in the file of unit `name`."""
    parts = _NAME.fullmatch(name)
    if not parts:
        raise UnitFileError(f"{name!r} is not a unit's name")
    return {
        "%n": name,
        "%N": name.removesuffix("." + parts["type"]),
        "%p": parts["prefix"],
        "%i": parts["instance"] or "",
        "%%": "%",
    }


def _explain_form(name: str) -> str:
    if name and "." not in name:
        return f"it has no type: write {name}.service"
    return "names are like web.service, web@1.service, or web@.service for a template"


def _check_type(name: str, unit_type: str) -> None:
    if unit_type in TYPES:
        return
    if unit_type in _TYPES_WITHOUT_A_FILE:
        raise UnitFileError(
            f"{name!r} cannot be run from a file: {_TYPES_WITHOUT_A_FILE[unit_type]};"
            f" types that can: {', '.join(TYPES)}"
        )
    stem = name.removesuffix("." + unit_type)
    close = difflib.get_close_matches(unit_type, TYPES, n=1)
    advice = f"did you mean {stem}.{close[0]}?" if close else f"for a service write {name}.service"
    raise UnitFileError(
        f"{name!r} has the unknown type {unit_type!r}: allowed are {', '.join(TYPES)}; {advice}"
    )


def _explain_character(name: str, character: str) -> str:
    advice = ""
    if character == "/":
        advice = "; give the unit's name, not a path"
    elif character in "*?[":
        advice = "; wildcards are not possible here, name one unit"
    return (
        f"{name!r} is not a unit's name because of {character!r}: allowed are letters, digits"
        rf" and : - _ . \ @{advice}"
    )
