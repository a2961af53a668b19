"""Quoting of command lines for unit files (pure): systemd runs the words that were given."""

from collections.abc import Sequence

from ..cli.errors import UsageError

VERBATIM = ":"
"""The prefix of a command in whose words systemd replaces no variable: a dollar stays a dollar."""
PREFIXES = "@-:+!|"
"""What systemd takes for more than a name at the beginning of a command."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "%": "%%"}


def command_line(words: Sequence[str]) -> str:
    """The value of `ExecStart=` that runs a program with exactly these words.

    Raises:
        UsageError: systemd could not run it on another machine.
    """
    _check_program(words[0] if words else "")
    return " ".join(quoted(word) for word in (VERBATIM + words[0], *words[1:]))


def quoted(word: str) -> str:
    """One word, as systemd reads it back; specifiers (`%n`) are not replaced.

    Raises:
        UsageError: no unit file can hold it.
    """
    _check_text(word)
    return '"' + "".join(_escaped(character) for character in word) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    is_control = ord(character) < ord(" ") or ord(character) == 0x7F
    return f"\\x{ord(character):02x}" if is_control else character


def _check_program(program: str) -> None:
    if not program:
        raise UsageError("there is no command to run: fleetctl run [OPTIONS] -- COMMAND")
    if program[0] in PREFIXES:
        raise UsageError(
            f"{program!r} begins with {program[0]!r}, which systemd takes for more than a name: "
            "give the program's whole path"
        )
    if "/" in program and not program.startswith("/"):
        raise UsageError(
            f"{program!r} is a path from a folder here, and it runs on another computer: give the "
            "program's whole path there, or a name that is on the PATH of the machines"
        )


def _check_text(word: str) -> None:
    if not word.isascii() and word != word.encode(errors="replace").decode():
        raise UsageError(f"{word!r} is not UTF-8 text, and unit files are")
    if "\0" in word:
        raise UsageError(f"{word!r} holds a NUL, and no word of a command can")
