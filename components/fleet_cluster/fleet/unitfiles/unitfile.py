"""Unit files as fleet reads them, wherever they are."""

import difflib
from dataclasses import dataclass, replace
from functools import lru_cache

from .names import UnitFileError, check_name, instance_of, is_template, template_of, unit_name
from .options import SECTION, values
from .requirements import Requirements, read_requirements
from .service import runs_once
from .syntax import Syntax, read, refuse
from .text import sha_of

__all__ = [
    "Requirements",
    "UnitFile",
    "UnitFileError",
    "instance_of",
    "is_template",
    "parse",
    "template_of",
    "unit_name",
]


HEALTHY_SECONDS = 2.0
"""Long enough to see a program that ends at once, because its settings are wrong."""


@dataclass(frozen=True)
class UnitFile:
    """A unit file that fleet can schedule."""

    name: str
    """The full name of the unit, or of the template."""
    text: str
    requirements: Requirements
    description: str
    """Its `Description=`, specifiers as they are written; empty when it has none."""
    healthy_seconds: float = HEALTHY_SECONDS
    """For how long it has to stay active until a start or a rollout relies on it."""

    @property
    def sha(self) -> str:
        """The SHA-256 of the text: the file's name in the store."""
        return sha_of(self.text)


def parse(name: str, text: str) -> UnitFile:
    """Read the file of unit `name`. An instance's file is that of its template.

    What is submitted is checked further (`validation.check`).

    Raises:
        UnitFileError: fleet cannot tell where the unit may run; says where and why.
    """
    check_name(name)
    syntax = read(name, text)
    _check_sections(syntax)
    requirements = replace(read_requirements(name, syntax), runs_once=runs_once(syntax))
    description = syntax.last("Unit", "Description")
    return UnitFile(name, text, requirements, description, _healthy_seconds(name, syntax))


def _healthy_seconds(name: str, syntax: Syntax) -> float:
    given = values(name, syntax, "HealthySec")
    if given and not given[-1].is_open:
        return float(given[-1].text)
    return HEALTHY_SECONDS if _goes_on(name, syntax) else 0.0


def _goes_on(name: str, syntax: Syntax) -> bool:
    """Whether a process of the unit is to run on: it may end though it was started."""
    is_service = name.endswith(".service") and bool(syntax.values("Service", "ExecStart"))
    has_process = is_service or name.endswith((".container", ".pod"))
    return has_process and syntax.last("Service", "Type") != "oneshot"


@lru_cache(100)
def _resembles_ours(section: str) -> bool:
    return bool(difflib.get_close_matches(section.lower(), [SECTION.lower()], cutoff=0.75))


def _check_sections(syntax: Syntax) -> None:
    for section in syntax.sections:
        if section.name != SECTION and _resembles_ours(section.name):
            what = f"unknown section [{section.name}]: did you mean [{SECTION}]?"
            raise refuse(syntax.file, section.line, what)
