"""Unit files: read and checked before any machine is touched."""

import difflib
from dataclasses import dataclass, replace
from functools import lru_cache

from ..model import sha_of
from .names import UnitFileError, check_name, instance_of, is_template, template_of, unit_name
from .options import SECTION, values
from .requirements import Requirements, read_requirements
from .service import check_service, runs_once
from .syntax import Syntax, read, refuse

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
    """A unit file that fleet accepts."""

    name: str
    """The full name of the unit, or of the template."""
    text: str
    requirements: Requirements
    description: str
    """Its `Description=`, specifiers as they are written; empty when it has none."""
    healthy_seconds: float = HEALTHY_SECONDS
    """For how long it has to stay active until a rollout relies on it."""

    @property
    def sha(self) -> str:
        """The SHA-256 of the text: the file's name in the store."""
        return sha_of(self.text)


def parse(name: str, text: str) -> UnitFile:
    """Read and check the file of unit `name`. An instance's file is that of its template.

    Raises:
        UnitFileError: fleet or systemd would not accept it; says where and why.
    """
    check_name(name)
    syntax = read(name, text)
    _check_sections(syntax)
    if name.endswith(".service"):
        check_service(syntax)
    requirements = replace(read_requirements(name, syntax), runs_once=runs_once(syntax))
    description = syntax.last("Unit", "Description")
    return UnitFile(name, text, requirements, description, _healthy_seconds(name, syntax))


def _healthy_seconds(name: str, syntax: Syntax) -> float:
    given = values(name, syntax, "HealthySec")
    return float(given[-1].text) if given and not given[-1].is_open else HEALTHY_SECONDS


@lru_cache(100)
def _resembles_ours(section: str) -> bool:
    return bool(difflib.get_close_matches(section.lower(), [SECTION.lower()], cutoff=0.75))


def _check_sections(syntax: Syntax) -> None:
    for section in syntax.sections:
        if section.name == "Install":
            what = (
                "[Install] lets systemd start a unit at boot, past fleet: remove the section;"
                " `fleetctl start` starts the unit and keeps it started"
            )
            raise refuse(syntax.file, section.line, what)
        if section.name != SECTION and _resembles_ours(section.name):
            what = f"unknown section [{section.name}]: did you mean [{SECTION}]?"
            raise refuse(syntax.file, section.line, what)
