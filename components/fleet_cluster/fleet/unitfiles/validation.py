"""Validation of a unit file that is submitted: what is refused, what is only remarked on.

A file that is in the cluster already is read by `unitfile.parse` alone: whatever systemd thinks of
it, fleet knows where it may run.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .command_lines import check_commands
from .directives import DIRECTIVES, TRIGGERS
from .quadlets import directives as podman
from .quadlets.names import TYPES as QUADLETS
from .quadlets.validation import about_image, check_quadlet, sections_of
from .service import check_service
from .syntax import Directive, Syntax, logical_lines, read, refuse
from .triggers import check_once
from .unitfile import parse

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_NEEDED: Mapping[str, tuple[str, frozenset[str], str]] = {
    "timer": ("Timer", TRIGGERS | {"OnClockChange", "OnTimezoneChange"}, "OnCalendar="),
    "socket": (
        "Socket",
        frozenset(key for key in DIRECTIVES["Socket"] if key.startswith("Listen")),
        "ListenStream=",
    ),
    "path": (
        "Path",
        frozenset(key for key in DIRECTIVES["Path"] if key.startswith(("Path", "DirectoryNot"))),
        "PathChanged=",
    ),
}
"""What a unit of a type cannot be without: one of these keys in this section, such as the last."""
_NAMED_AFTER = {
    "mount": ("Mount", "Where"),
    "automount": ("Automount", "Where"),
    "swap": ("Swap", "What"),
}
"""The path that a unit's name has to spell."""


@dataclass(frozen=True)
class Remark:
    """A remark on a line that systemd or fleet passes over."""

    line: int
    text: str
    is_unknown: bool = False
    """It is about a key or a section that the pinned systemd does not know; another one may."""


def check(name: str, text: str) -> list[Remark]:
    """Remarks on the file of unit `name`, which fleet and systemd can run as it is written.

    Placeholders (`{{name}}`) may stand for anything.

    Raises:
        UnitFileError: names the line, what is wrong, and what to do instead.
    """
    requirements = parse(name, text).requirements
    syntax = read(name, text)
    _check_keys(name, text, syntax)
    check_commands(syntax)
    _check_working_directory(syntax)
    unit_type = name.rpartition(".")[2]
    if unit_type == "service":
        check_service(syntax)
    if unit_type in QUADLETS:
        check_quadlet(syntax, unit_type)
    if unit_type in _NEEDED:
        _check_needed(syntax, unit_type)
    if requirements.is_once:
        check_once(syntax)
    if unit_type in _NAMED_AFTER:
        _check_path(name, syntax, *_NAMED_AFTER[unit_type])
    images = [Remark(line, text) for line, text in about_image(syntax)]
    remarks = [*images, *_about_install(syntax), *_about_unknown(syntax, unit_type)]
    return sorted(remarks, key=_line)


def _line(remark: Remark) -> int:
    return remark.line


def _check_keys(name: str, text: str, syntax: Syntax) -> None:
    for number, line in logical_lines(name, text):
        if line[0].isspace():
            what = (
                f"{line[:40]!r} begins with the invisible character U+{ord(line[0]):04X}, which"
                " systemd takes for a part of the key: remove it"
            )
            raise refuse(name, number, what)
    for directive in syntax.directives:
        key = directive.key
        is_free = directive.section.startswith("X-") or "{{" in key
        if not is_free and not _KEY.fullmatch(key):
            what = (
                f"{key[:40]!r} is no key that a line could begin with: does the line before it"
                " lack a backslash at its end?"
            )
            raise refuse(name, directive.line, what)


def _check_working_directory(syntax: Syntax) -> None:
    for directive in syntax.directives:
        if directive.key != "WorkingDirectory" or directive.section.startswith("X-"):
            continue
        if directive.value and not directive.value.startswith(("/", "~", "-", "%", "{{")):
            what = (
                f"WorkingDirectory={directive.value}: write the full path of the folder, or ~ for"
                " the home of the User="
            )
            raise refuse(syntax.file, directive.line, what)


def _check_needed(syntax: Syntax, unit_type: str) -> None:
    section, keys, example = _NEEDED[unit_type]
    if not any(syntax.values(section, key) for key in keys):
        lines = [opened.line for opened in syntax.sections if opened.name == section]
        what = f"the {unit_type} has nothing to wait for: add a line {example}... to [{section}]"
        raise refuse(syntax.file, lines[0] if lines else 1, what)


def _check_path(name: str, syntax: Syntax, section: str, key: str) -> None:
    given = syntax.values(section, key)
    path = given[-1].value if given else ""
    if not path.startswith("/") or "%" in path or "{{" in path:
        return
    wanted = f"{_escaped(path)}.{name.rpartition('.')[2]}"
    if name != wanted:
        what = f"{key}={path} is the path of {wanted}, and this is {name}: rename the file"
        raise refuse(syntax.file, given[-1].line, what)


def _escaped(path: str) -> str:
    """The name of a path, as `systemd-escape --path` makes it."""
    parts = [part for part in path.split("/") if part]
    escaped = "-".join(re.sub(r"[^A-Za-z0-9:_.]", _hexadecimal, part) for part in parts)
    return re.sub(r"^\.", r"\\x2e", escaped) or "-"


def _hexadecimal(match: re.Match[str]) -> str:
    return "".join(rf"\x{byte:02x}" for byte in match[0].encode())


def _about_install(syntax: Syntax) -> Iterator[Remark]:
    for section in syntax.sections:
        if section.name == "Install":
            text = "[Install] has no effect: fleet starts units itself, and after each boot"
            yield Remark(section.line, text)
            return


def _about_unknown(syntax: Syntax, unit_type: str) -> Iterator[Remark]:
    is_quadlet = unit_type in QUADLETS
    known = sections_of(unit_type) if is_quadlet else {"Unit", "Install", unit_type.capitalize()}
    for section in syntax.sections:
        if section.name not in known and not section.name.startswith("X-"):
            text = f"a {unit_type} has no section [{section.name}], so systemd skips it"
            yield Remark(section.line, text + _nearest(section.name, known), is_unknown=True)
    for directive in syntax.directives:
        keys = DIRECTIVES.get(directive.section, frozenset())
        # What Podman does not know is refused.
        is_systemds = directive.section in known and directive.section not in podman.DIRECTIVES
        if is_systemds and not directive.key.startswith("X-") and directive.key not in keys:
            yield Remark(directive.line, _unknown_key(directive, unit_type), is_unknown=True)


def _unknown_key(directive: Directive, unit_type: str) -> str:
    section, key = directive.section, directive.key
    text = f"systemd has no {key}= in [{section}] and skips the line"
    for other in ("Unit", unit_type.capitalize(), "Install"):
        if key in {**podman.DIRECTIVES, **DIRECTIVES}.get(other, ()):
            return f"{text}; it belongs into [{other}]"
    return text + _nearest(key, DIRECTIVES.get(section, ()), "=")


def _nearest(given: str, known: "frozenset[str] | set[str] | tuple[()]", sign: str = "") -> str:
    spellings = {word.lower(): word for word in sorted(known)}
    close = difflib.get_close_matches(given.lower(), spellings, n=1, cutoff=0.75)
    return f"; did you mean {spellings[close[0]]}{sign}?" if close else ""
