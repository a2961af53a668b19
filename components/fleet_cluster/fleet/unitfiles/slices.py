"""Slices of units: the cgroup that a unit shares with its containers, and with no other unit."""

import re

from .names import UnitFileError, check_name, specifiers
from .quadlets.names import systemd_section
from .syntax import Syntax, read

_SHARED = re.compile(r"-\.slice|(system|user|machine)(-.+)?\.slice")
"""Slices in which systemd and others put units of all kinds."""
_SPECIFIER = re.compile(r"%(.?)")


def slice_of(name: str, text: str) -> str:
    """The slice that a unit's file puts it into; empty if it names none of its own."""
    try:
        given = slice_setting(name, read(name, text))
        slice = _SPECIFIER.sub(lambda found: specifiers(name).get(found[0], "/"), given)
        check_name(slice)
    except UnitFileError:
        return ""
    return slice


def slice_setting(name: str, syntax: Syntax) -> str:
    """The same as it is written, with specifiers."""
    given = syntax.last(systemd_section(name), "Slice")
    is_own = given.endswith(".slice") and not _SHARED.fullmatch(given)
    return given if is_own else ""
