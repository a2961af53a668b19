"""Validation of a quadlet: what Podman's generator would make no service of (pure)."""

import difflib
from collections.abc import Iterator, Mapping

from ..names import UnitFileError, check_name
from ..syntax import Directive, Syntax, refuse
from .directives import DIRECTIVES
from .references import image_unit, referred

_OF_PODMAN: Mapping[str, str] = {
    "ExecStart": "write what the container runs into Exec= of [Container]",
    "ExecStop": "write StopSignal= and StopTimeout= into [Container]",
}
"""Commands in [Service] that Podman's generator writes itself."""
_ALLOWED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("container", "Type"): ("notify", "oneshot"),
    ("container", "KillMode"): ("mixed", "control-group"),
}
"""The values of [Service] that it takes."""


def sections_of(unit_type: str) -> set[str]:
    """The sections that a quadlet of this type can have, besides [X-...]."""
    return {"Unit", "Service", "Install", "Quadlet", unit_type.capitalize()}


def check_quadlet(syntax: Syntax, unit_type: str) -> None:
    """Refuse a quadlet of which Podman would make no service, or one of another name.

    Raises:
        UnitFileError: names the line, what is wrong, and what to do instead.
    """
    for directive in syntax.directives:
        if fault := _fault(directive, unit_type):
            raise refuse(syntax.file, directive.line, fault)
    if unit_type == "container" and not any(
        syntax.values("Container", key) for key in ("Image", "Rootfs")
    ):
        lines = [opened.line for opened in syntax.sections if opened.name == "Container"]
        what = "the container has no image: add a line Image=... to [Container]"
        raise refuse(syntax.file, lines[0] if lines else 1, what)


def about_image(syntax: Syntax) -> Iterator[tuple[int, str]]:
    """The lines that name an image by what may be another one tomorrow, with what to do."""
    for directive in syntax.values("Container", "Image"):
        image = directive.value
        if "{{" not in image and "sha256:" not in image:
            yield (
                directive.line,
                f"Image={image} can be another image on each machine, and a roll changes nothing"
                f" while its name is the same: name it by digest, {image}@sha256:...",
            )


def _fault(directive: Directive, unit_type: str) -> str:
    section, key, value = directive.section, directive.key, directive.value
    if section in (unit_type.capitalize(), "Quadlet"):
        return _fault_of_key(section, key) or _fault_of_reference(directive)
    if section == "Service" and key in _OF_PODMAN:
        return f"Podman writes {key}= of [Service] itself: {_OF_PODMAN[key]}"
    allowed = _ALLOWED.get((unit_type, key), ()) if section == "Service" else ()
    if allowed and value and value not in allowed:
        return f"{key}={value}: Podman takes {' or '.join(allowed)} for a {unit_type}"
    return ""


def _fault_of_key(section: str, key: str) -> str:
    if key == "ServiceName":
        return f"{key}= is not possible: fleet finds the service by the name of the file"
    known = DIRECTIVES[section]
    if key in known or "{{" in key:
        return ""
    if section != "Quadlet" and key in DIRECTIVES["Container"]:
        return f"Podman has no {key}= in [{section}]; it belongs into [Container]"
    close = difflib.get_close_matches(key, known, n=1)
    advice = f"; did you mean {close[0]}=?" if close else ": see podman-systemd.unit(5)"
    return f"Podman has no {key}= in [{section}], and makes no service of such a file{advice}"


def _fault_of_reference(directive: Directive) -> str:
    given = f"{directive.key}={directive.value}"
    if unit := image_unit(directive):
        return f"{given}: fleet has no units of type {unit.rpartition('.')[2]}: name an image"
    for name in referred(directive):
        if "%" in name:
            return f"{given}: Podman looks for a quadlet of exactly this name: write it out"
        try:
            check_name(name)
        except UnitFileError as error:
            return f"{given}: {error}"
    return ""
