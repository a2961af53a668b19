"""Unit files: systemd's syntax, checked before any machine is touched."""

from dataclasses import dataclass

from .model import sha_of
from .names import UnitFileError, check_name, instance_of, is_template, template_of, unit_name
from .requirements import SECTION, SPELLINGS, Requirements, requirements
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


@dataclass(frozen=True)
class UnitFile:
    """A unit file that systemd and fleet accept."""

    name: str
    """The full name of the unit, or of the template."""
    text: str
    requirements: Requirements
    description: str
    """`Description=`, with specifiers as they are written."""

    @property
    def sha(self) -> str:
        """The SHA-256 of the text: its name in the store."""
        return sha_of(self.text)


def parse(name: str, text: str) -> UnitFile:
    """Check the file of unit `name`; for an instance, `text` is its template's file.

    Raises:
        UnitFileError: it could not run as it is written.
    """
    check_name(name)
    syntax = read(name, text)
    _check_sections(syntax)
    if name.endswith(".service"):
        _check_service(syntax)
    return UnitFile(name, text, requirements(name, syntax), syntax.last("Unit", "Description"))


def _check_sections(syntax: Syntax) -> None:
    for section in syntax.sections:
        if section.name != SECTION and section.name.lower().replace("-", "") == "xfleet":
            raise refuse(
                syntax.file, section.line, f"unknown section [{section.name}]: write [{SECTION}]"
            )
        if section.name == "Install":
            raise refuse(
                syntax.file,
                section.line,
                "[Install] would let systemd start the unit without fleet: remove the section,"
                " `fleetctl start` starts the unit",
            )
    ours = {spelling for spellings in SPELLINGS.values() for spelling in spellings} - {"Conflicts"}
    for assignment in syntax.assignments:
        if assignment.key in ours and assignment.section != SECTION:
            raise refuse(
                syntax.file,
                assignment.line,
                f"{assignment.key}= has no effect in [{assignment.section}]:"
                f" move it to [{SECTION}]",
            )


def _check_service(syntax: Syntax) -> None:
    """Refuse what systemd would refuse to load, with the same rules."""
    if not any(section.name == "Service" for section in syntax.sections):
        raise refuse(syntax.file, 1, "a service needs a section [Service] with ExecStart=")
    starts = syntax.values("Service", "ExecStart")
    is_oneshot = syntax.last("Service", "Type") == "oneshot"
    stops = syntax.values("Service", "ExecStop")
    if not (starts or stops or syntax.last("Unit", "SuccessAction")):
        raise refuse(syntax.file, 1, "the service has no ExecStart=, ExecStop=, or SuccessAction=")
    if not starts and not is_oneshot:
        raise refuse(
            syntax.file, 1, "the service has no ExecStart=, which only Type=oneshot may omit"
        )
    if len(starts) > 1 and not is_oneshot:
        raise refuse(
            syntax.file,
            starts[1].line,
            "a second ExecStart= is allowed for Type=oneshot only: use ExecStartPre= for what is"
            " to run before, or an empty ExecStart= to withdraw the first",
        )
