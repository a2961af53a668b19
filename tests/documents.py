"""Tables and command lines of the documents, for the tests that try what they say."""

import re
import shlex
from collections.abc import Iterator

from tests.checkout import CHECKOUT

BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INNER = re.compile(r"\$\(([^()]*)\)")
FILLED_IN = "FILLED-IN"
"""Stands for what only a shell can know: the output of a command."""
REDIRECTION = re.compile(r"(?:\d?>>?|<<<|<)(?:&\d|\s*(?:'[^']*'|[^\s;|&()<>]+))")
OPERATORS = set("();<>|&")


def table(path: str, heading: str) -> dict[str, dict[str, str]]:
    """Cells of a document's first table below a heading, by row and column."""
    section = (CHECKOUT / path).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    columns, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows}


def printed_headers(text: str) -> dict[str, list[str]]:
    """The titles of the columns below commands that a text shows with their output."""
    shown = re.findall(r"^ *\$ (.*)\n *([A-Z]+(?:[ \t]+[A-Z]+)+)$", text, re.MULTILINE)
    return {line: titles.split() for line, titles in shown}


def shell_lines(text: str) -> Iterator[str]:
    """Lines for a shell in a document's code blocks: after `$ `, or all of a block for `sh`."""
    for language, block in BLOCK.findall(text):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            if language == "sh" or line.lstrip().startswith("$ "):
                yield line.strip().removeprefix("$ ")


def calls(script: str, program: str) -> Iterator[list[str]]:
    """The program's arguments, each time that a shell's script calls it.

    A `$(...)` is one word for the command that it stands in, and a script by itself; so is what
    stands in quotation marks for another machine's shell. Redirections are left out.

    Raises:
        ValueError: a quotation mark is not closed.
    """
    while inner := INNER.search(script):
        yield from calls(inner[1], program)
        script = script.replace(inner[0], FILLED_IN)
    for words in _simple_commands(REDIRECTION.sub(" ", script)):
        if program in words:
            yield words[words.index(program) + 1 :]
        for quoted in words:
            if re.search(rf"\b{program}\s", quoted):
                yield from calls(quoted, program)


def _simple_commands(script: str) -> Iterator[list[str]]:
    """The words between a script's operators."""
    words = shlex.shlex(script, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    found: list[str] = []
    for word in words:
        if set(word) <= OPERATORS:
            yield found
            found = []
        else:
            found.append(word)
    yield found
