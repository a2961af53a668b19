"""Syntax of systemd's files: sections, directives, comments, continued lines."""

from collections.abc import Iterator
from dataclasses import dataclass

from .names import UnitFileError

MAX_SIZE = 1024 * 1024
"""The largest unit file, in bytes: systemd reads no longer line, etcd takes no larger value."""

_WHITESPACE = " \t\n\r"

_FORBIDDEN = {
    "\r": "a carriage return: save the file with Unix line ends, for example with dos2unix",
    "\0": "a NUL byte: save the file as UTF-8 text",
}


@dataclass(frozen=True)
class Section:
    """A section, opened by a line `[name]`. A file may open the same one several times."""

    name: str
    line: int
    """Counted from 1."""


@dataclass(frozen=True)
class Directive:
    """A directive: a line `key=value`."""

    section: str
    key: str
    value: str
    """With its quotes; a continued line has become one."""
    line: int
    """Its first line, counted from 1."""


@dataclass(frozen=True)
class Syntax:
    """The sections and directives of a file, in its order."""

    file: str
    sections: tuple[Section, ...]
    directives: tuple[Directive, ...]

    def values(self, section: str, *keys: str) -> list[Directive]:
        """The directives to these keys that count: an empty one withdraws all before it."""
        found: list[Directive] = []
        for directive in self.directives:
            if directive.section == section and directive.key in keys:
                if directive.value:
                    found.append(directive)
                else:
                    found.clear()
        return found

    def last(self, section: str, key: str) -> str:
        """The value of a setting that can only have one: the last; empty if there is none."""
        found = self.values(section, key)
        return found[-1].value if found else ""


def refuse(file: str, line: int, what: str) -> UnitFileError:
    """The error to raise for a line of a file."""
    return UnitFileError(f"{file}:{line}: {what}")


def read(file: str, text: str) -> Syntax:
    """Read a file's text as systemd does.

    Raises:
        UnitFileError: systemd would refuse the file, or would skip a line of it with a warning.
    """
    _check_text(file, text)
    sections: list[Section] = []
    directives: list[Directive] = []
    for number, written in logical_lines(file, text):
        # Lenient with other white space than systemd's: what was stored once has to stay readable.
        line = written.strip()
        if not line:
            continue
        if line.startswith("["):
            sections.append(_section(file, number, line))
        elif sections:
            directives.append(_directive(file, number, line, sections[-1].name))
        else:
            what = f"{_short(line)} is in no section: begin with one, such as [Unit] or [Service]"
            raise refuse(file, number, what)
    if not sections:
        what = "has no section" if text.strip() else "is empty"
        raise refuse(file, 1, f"the file {what}: a unit file has sections, such as [Service]")
    return Syntax(file, tuple(sections), tuple(directives))


def _check_text(file: str, text: str) -> None:
    if len(text.encode(errors="surrogatepass")) > MAX_SIZE:
        raise refuse(file, 1, f"the file is too large: at most {MAX_SIZE} bytes are allowed")
    if text.startswith("\ufeff"):
        raise refuse(file, 1, "the file starts with a byte order mark: save it as UTF-8 without")
    for character, what in _FORBIDDEN.items():
        before, found, _ = text.partition(character)
        if found:
            raise refuse(file, before.count("\n") + 1, f"the line holds {what}")


def logical_lines(file: str, text: str) -> Iterator[tuple[int, str]]:
    """The lines that count, continued ones joined; each with the number of its first line.

    Both ends are without what systemd takes for white space: no character beyond ASCII.
    """
    begun: list[str] = []
    first = 0
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.lstrip().startswith(("#", ";")):
            continue
        first = first if begun else number
        if _ends_in_backslash(line):
            begun.append(line[:-1])
            continue
        if _ends_in_backslash(line.rstrip()):
            raise refuse(
                file, number, "spaces follow the backslash: remove them to continue the line"
            )
        logical = " ".join([*begun, line]).strip(_WHITESPACE)
        begun.clear()
        if logical:
            yield first, logical


def _ends_in_backslash(line: str) -> bool:
    """Whether the last backslash is one that another backslash does not escape."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _section(file: str, number: int, line: str) -> Section:
    name = line.removeprefix("[").removesuffix("]")
    if len(line) != len(name) + 2 or not name:
        raise refuse(file, number, f"{_short(line)} is not a section: write [Name], no more")
    return Section(name, number)


def _directive(file: str, number: int, line: str, section: str) -> Directive:
    key, equals, value = line.partition("=")
    if not equals or not key.strip():
        what = f"{_short(line)} is neither key=value, nor a [Section], nor a comment (# or ;)"
        raise refuse(file, number, what)
    return Directive(section, key.strip(), value.strip(), number)


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else f"{line[:57]}...")
