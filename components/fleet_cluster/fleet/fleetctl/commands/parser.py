"""Parser of the command line: commands, and the options that all of them have."""

from argparse import SUPPRESS, Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import NoReturn

from ..cli.errors import Exit
from ..cli.options import add_global
from ..cli.spelling import command_elsewhere, did_you_mean
from ..remote.tunnel import REMOTE_FLAG
from . import COMMANDS
from .command import Command

HELP = {"help", "-h", "--help"}

EXIT_CODES = """\
exit codes: 0 done, 1 failed or refused, 2 wrong command line, 3 timed out (--timeout,
--block-attempts), 130 interrupted; run, exec, status, journal, ssh: that of the command there"""


class Parser(ArgumentParser):
    """Parser of argparse, with errors that say what to do next."""

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with the code for a wrong command line."""
        self.exit(Exit.USAGE, f"{self.prog}: {message}\nSee: {self.prog} --help\n")

    def option_names(self) -> list[str]:
        """The options in full."""
        return [name for one in self._actions for name in one.option_strings if name[:2] == "--"]

    def positional(self, place: int) -> Action | None:
        """The argument at that place among those that are no options; the last may take more."""
        all = [one for one in self._actions if not one.option_strings]
        if place < len(all):
            return all[place]
        last = all[-1] if all else None
        return last if last and last.nargs in ("*", "+") else None

    def plain(self, words: Sequence[str]) -> tuple[list[int], Action | None]:
        """Where words are neither options nor their values; the option that lacks its value."""
        takes = {
            name: one for one in self._actions for name in one.option_strings if one.nargs != 0
        }
        places: list[int] = []
        waiting: Action | None = None
        for place, word in enumerate(words):
            if waiting:
                waiting = None
            elif word in takes:
                waiting = takes[word]
            elif not word.startswith("-"):
                places.append(place)
        return places, waiting


def parse(words: Sequence[str]) -> tuple[Command, Namespace]:
    """The command, and its arguments.

    Raises:
        SystemExit: help was asked for, or the command line is wrong.
    """
    named = _named(words)
    parser = _parser([named] if named in COMMANDS and not HELP & set(words) else list(COMMANDS))
    if not words:
        parser.print_help()
        parser.exit(Exit.USAGE)
    if named == "help":
        words, named = _without_help_command(words)
    if named and named not in COMMANDS:
        parser.error(f"there is no command {named!r}{_advice(named)}")
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        parser.prog = f"fleetctl {named}".strip()
        hint = did_you_mean(unknown[0].partition("=")[0], of_command(named).option_names())
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if arguments.version:
        arguments.command = "version"
    if not arguments.command:
        parser.error("a command is missing")
    return COMMANDS[arguments.command], arguments


def of_command(name: str) -> Parser:
    """A parser of what may follow a command's name; empty: of what may stand before it."""
    parser = Parser(prog=f"fleetctl {name}".strip(), add_help=bool(name), allow_abbrev=False)
    add_global(parser, SUPPRESS)
    if name:
        COMMANDS[name].configure(parser)
    return parser


def _parser(names: Sequence[str]) -> Parser:
    """A parser that knows these commands: making all of them takes longer than most commands."""
    known = [COMMANDS[name] for name in names]
    parser = Parser(
        prog="fleetctl",
        description="Runs systemd units on the machines of a cluster.",
        epilog=_overview(known),
        formatter_class=RawDescriptionHelpFormatter,
        usage="fleetctl [OPTIONS] COMMAND [ARGUMENTS]",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument(REMOTE_FLAG, dest="is_remote", action="store_true", help=SUPPRESS)
    add_global(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help=SUPPRESS)
    after_command = Parser(add_help=False)
    add_global(after_command, SUPPRESS)
    for command in known:
        command.configure(
            commands.add_parser(
                command.name,
                prog=f"fleetctl {command.name}",
                parents=[after_command],
                description=command.help,
                epilog=f"example:\n{command.example.strip(chr(10))}\n\n{EXIT_CODES}",
                formatter_class=RawDescriptionHelpFormatter,
                allow_abbrev=False,
            )
        )
    return parser


def _overview(known: Sequence[Command]) -> str:
    width = max(len(command.name) for command in known)
    lines = [
        f"  {command.name:{width}}  {command.summary}" for command in known if not command.hidden
    ]
    return "\n".join(
        ["commands:", *lines, "", "fleetctl COMMAND --help shows examples.", "", EXIT_CODES]
    )


def _named(words: Sequence[str]) -> str:
    """The command's name, before anything is known of it; empty when none is given."""
    options = ArgumentParser(add_help=False, allow_abbrev=False)
    add_global(options, SUPPRESS)
    _, rest = options.parse_known_args(words)
    return next((word for word in rest if not word.startswith("-")), "")


def _advice(word: str) -> str:
    """What to say of a command that there is not."""
    ours = command_elsewhere(word)
    if ours:
        return f"; here that is: fleetctl {ours} ({COMMANDS[ours].summary})"
    return did_you_mean(word, [name for name in COMMANDS if not COMMANDS[name].hidden])


def _without_help_command(words: Sequence[str]) -> tuple[list[str], str]:
    """`help` is `--help`, and `help start` is `start --help`; and the command that is meant."""
    position = list(words).index("help")
    named = _named(words[position + 1 :])
    return [*([named] if named else []), "--help"], named
