"""Command lines as systemd reads them: `ExecStart=` and its like."""

import re
from collections.abc import Iterator

from .directives import COMMANDS, SPECIFIERS
from .names import UnitFileError
from .syntax import Directive, Syntax, refuse

_PREFIX = re.compile(r"[@:+!|-]*")
_SPECIFIER = re.compile(r"%([A-Za-z0-9%])")
_SPACE = " \t"


def split(value: str) -> list[list[str]]:
    """The commands of a line, each with its words; a semicolon of its own stands between two.

    Raises:
        UnitFileError: a quote is not closed.
    """
    commands: list[list[str]] = [[]]
    for written, word in _words(value):
        if written == ";":
            commands.append([])
        else:
            commands[-1].append(";" if written == r"\;" else word)
    return [command for command in commands if command]


def check_commands(syntax: Syntax) -> None:
    """Refuse command lines that systemd would not run.

    Raises:
        UnitFileError: names the line, and what is wrong with it.
    """
    for directive in syntax.directives:
        if directive.key in COMMANDS and not directive.section.startswith("X-"):
            try:
                _check(directive)
            except UnitFileError as error:
                raise refuse(syntax.file, directive.line, f"{directive.key}={error}") from error


def _check(directive: Directive) -> None:
    for specifier in _SPECIFIER.findall(directive.value):
        if specifier not in SPECIFIERS:
            raise UnitFileError(
                f"{_short(directive.value)}: systemd has no specifier %{specifier}:"
                f" write %%{specifier} for a percent sign"
            )
    for command in split(directive.value):
        path = _PREFIX.sub("", command[0], count=1)
        if "/" in path and not path.startswith(("/", "%", "{{")):
            raise UnitFileError(f"{path}: write the full path of the program, such as /usr/bin/env")


def _words(value: str) -> Iterator[tuple[str, str]]:
    """Each word as it is written, and without its quotes and backslashes."""
    written, word, quote = "", "", ""
    position = 0
    while position < len(value):
        character = value[position]
        if character == "\\":
            written += value[position : position + 2]
            word += value[position + 1 : position + 2]
            position += 2
            continue
        position += 1
        if character in _SPACE and not quote:
            if written:
                yield written, word
            written, word = "", ""
            continue
        written += character
        if character == quote:
            quote = ""
        elif character in "\"'" and not quote:
            quote = character
        else:
            word += character
    if quote:
        raise UnitFileError(f"{_short(value)}: a quote {quote} is not closed")
    if written:
        yield written, word


def _short(value: str) -> str:
    return value if len(value) <= 60 else f"{value[:57]}..."
