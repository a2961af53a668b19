"""The command line: commands, and the options that all of them have."""

import os
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from ..commands import COMMANDS
from ..remote.tunnel import REMOTE_FLAG
from .command import Command
from .errors import Exit
from .spelling import command_elsewhere, did_you_mean

ENVIRONMENT = "FLEETCTL_"

HELP = {"help", "-h", "--help"}

EXIT_CODES = """\
exit codes: 0 done, 1 failed or refused, 2 wrong command line, 3 timed out (--timeout,
--block-attempts), 130 interrupted; status, journal and ssh: that of the command on the machine"""


@dataclass(frozen=True)
class GlobalOption:
    """An option of all commands; `FLEETCTL_<NAME>` in the environment gives it too."""

    name: str
    metavar: str
    help: str
    default: str = ""

    @property
    def field(self) -> str:
        """Its attribute of the parsed arguments."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return ENVIRONMENT + self.field.upper()

    def value(self) -> str:
        """What it is when the command line does not say."""
        return os.environ.get(self.variable) or self.default


CONNECTION_OPTIONS = (
    GlobalOption("tunnel", "[USER@]HOST[:PORT]", "run on this machine of the cluster, over SSH"),
    GlobalOption("ssh-username", "USER", "user on the machines", "core"),
    GlobalOption("ssh-port", "PORT", "port of sshd on the machines, for status, journal, ssh"),
    GlobalOption("ssh-timeout", "SECONDS", "how long to wait for an SSH connection", "10"),
    GlobalOption("ssh-identity", "FILE", "private key; without it, as ssh is configured"),
    GlobalOption("ssh-config", "FILE", "ssh configuration instead of ~/.ssh/config"),
    GlobalOption("known-hosts-file", "FILE", "host keys; without it, as ssh is configured"),
    GlobalOption("strict-host-key-checking", "BOOL", "false: accept any host key", "true"),
)
"""Used on the computer where the command was typed."""

ETCD_OPTIONS = (
    GlobalOption("endpoint", "HOST:PORT,...", "etcd's members, instead of the machine's own list"),
    GlobalOption("ca-file", "FILE", "etcd's authority, instead of the machine's own"),
    GlobalOption("cert-file", "FILE", "certificate for etcd, instead of the machine's own"),
    GlobalOption("key-file", "FILE", "the certificate's key, instead of the machine's own"),
    GlobalOption("request-timeout", "SECONDS", "how long etcd has for a request, all members", "6"),
)
"""Used where the command runs."""


class Parser(ArgumentParser):
    """argparse, with errors that say what to do next."""

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with the code for a wrong command line."""
        self.exit(Exit.USAGE, f"{self.prog}: {message}\nSee: {self.prog} --help\n")


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
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if arguments.version:
        arguments.command = "version"
    if not arguments.command:
        parser.error("a command is missing")
    return COMMANDS[arguments.command], arguments


def remote_words(words: Sequence[str], arguments: Namespace) -> list[str]:
    """The command line for the machine at the tunnel's end: without what is about the way there."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    _add_global(parser, SUPPRESS)
    _, rest = parser.parse_known_args(words)
    return [*etcd_words(arguments), *rest]


def etcd_words(arguments: Namespace) -> list[str]:
    """The options about the store that were given."""
    given = [(option, getattr(arguments, option.field)) for option in ETCD_OPTIONS]
    return [f"--{option.name}={value}" for option, value in given if value != option.default]


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
    parser.add_argument(REMOTE_FLAG, action="store_true", help=SUPPRESS)
    _add_global(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help=SUPPRESS)
    after_command = Parser(add_help=False)
    _add_global(after_command, SUPPRESS)
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


def _add_global(parser: ArgumentParser, default: str | None = None) -> None:
    shown = default is None
    for option in (*CONNECTION_OPTIONS, *ETCD_OPTIONS):
        preset = f"; {option.default}" if option.default else ""
        parser.add_argument(
            f"--{option.name}",
            metavar=option.metavar,
            default=option.value() if shown else default,
            help=f"{option.help} ({option.variable}{preset})" if shown else SUPPRESS,
        )


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
    _add_global(options, SUPPRESS)
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
    place = list(words).index("help")
    named = _named(words[place + 1 :])
    return [*([named] if named else []), "--help"], named


def fail(message: str) -> None:
    """Print an error for the operator."""
    if message:
        print(f"fleetctl: {message}", file=sys.stderr)
