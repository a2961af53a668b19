"""The syntax of systemd's files: sections, assignments, comments, continuation lines."""

from collections.abc import Iterator
from dataclasses import dataclass

from .names import UnitFileError

MAX_SIZE = 1024 * 1024
"""The largest unit file: bytes. etcd takes no much larger value."""


@dataclass(frozen=True)
class Assignment:
    """`key=value`, with the section and the line (counted from 1) where it stands."""

    section: str
    key: str
    value: str
    line: int


@dataclass(frozen=True)
class Section:
    """A `[name]` line. A file may open the same section several times."""

    name: str
    line: int


@dataclass(frozen=True)
class Syntax:
    """A file's sections and assignments, in its order."""

    file: str
    sections: tuple[Section, ...]
    assignments: tuple[Assignment, ...]

    def values(self, section: str, key: str) -> list[Assignment]:
        """The assignments to `key` that count: an empty one withdraws those before it."""
        found: list[Assignment] = []
        for assignment in self.assignments:
            if (assignment.section, assignment.key) == (section, key):
                found = [*found, assignment] if assignment.value else []
        return found

    def last(self, section: str, key: str) -> str:
        """The value of a setting that holds one value: the last; empty when there is none."""
        found = self.values(section, key)
        return found[-1].value if found else ""


def refuse(file: str, line: int, what: str) -> UnitFileError:
    """The error to raise for this line of this file."""
    return UnitFileError(f"{file}:{line}: {what}")


def read(file: str, text: str) -> Syntax:
    """Read a file's text as systemd does; values keep their quotes.

    Raises:
        UnitFileError: systemd would not read it, or would silently skip a line of it.
    """
    _check_characters(file, text)
    sections: list[Section] = []
    assignments: list[Assignment] = []
    for number, line in _logical_lines(file, text):
        if not line:
            continue
        if line.startswith("["):
            sections.append(_section(file, number, line))
        elif not sections:
            raise refuse(
                file,
                number,
                f"{line[:60]!r} stands before any section:"
                " open one first, for example [Unit] or [Service]",
            )
        else:
            assignments.append(_assignment(file, number, sections[-1].name, line))
    if not sections:
        raise refuse(file, 1, "the file is empty: a unit file has sections such as [Service]")
    return Syntax(file, tuple(sections), tuple(assignments))


def _check_characters(file: str, text: str) -> None:
    if text.startswith("\ufeff"):
        raise refuse(file, 1, "the file starts with a byte order mark: save it as plain UTF-8")
    if len(text.encode()) > MAX_SIZE:
        raise refuse(file, 1, f"the file has more than {MAX_SIZE} bytes, the most that is allowed")
    for character, advice in {
        "\r": "a carriage return: save the file with Unix line ends (dos2unix does it)",
        "\0": "a NUL byte: this is not a text file, or not in UTF-8",
    }.items():
        if character in text:
            line = text[: text.index(character)].count("\n") + 1
            raise refuse(file, line, f"the line holds {advice}")


def _logical_lines(file: str, text: str) -> Iterator[tuple[int, str]]:
    """The lines that count, continuations joined, each with the number of its first line."""
    begun: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if line.lstrip().startswith(("#", ";")):
            continue
        start = start if begun else number
        goes_on = _ends_in_backslash(line)
        if not goes_on and _ends_in_backslash(line.rstrip()):
            raise refuse(
                file, number, "spaces follow the backslash: remove them to continue a line"
            )
        begun.append(line[:-1] if goes_on else line)
        if not goes_on:
            yield start, " ".join(begun).strip()
            begun = []
    if begun:
        yield start, " ".join(begun).strip()


def _ends_in_backslash(line: str) -> bool:
    """Whether it ends in a backslash that is not itself escaped by one before it."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _section(file: str, number: int, line: str) -> Section:
    name = line[1:-1]
    if not line.endswith("]") or not name:
        raise refuse(file, number, f"{line!r} is not a section: write [Name], nothing after it")
    return Section(name, number)


def _assignment(file: str, number: int, section: str, line: str) -> Assignment:
    key, equals, value = line.partition("=")
    if not equals or not key.strip():
        raise refuse(
            file,
            number,
            f"{line[:60]!r} is neither Key=value, nor [Section], nor a comment (# or ;)",
        )
    return Assignment(section, key.strip(), value.strip(), number)
