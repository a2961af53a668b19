"""Options of all commands, which the environment gives too."""

import os
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass

ENVIRONMENT = "FLEETCTL_"


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


def remote_words(words: Sequence[str], arguments: Namespace) -> list[str]:
    """The command line for the machine at the tunnel's end: without what is about the way there."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    add_global(parser, SUPPRESS)
    _, rest = parser.parse_known_args(words)
    return [*etcd_words(arguments), *rest]


def etcd_words(arguments: Namespace) -> list[str]:
    """The options about etcd that were given, as words of a command line."""
    given = [(option, getattr(arguments, option.field)) for option in ETCD_OPTIONS]
    return [f"--{option.name}={value}" for option, value in given if value != option.default]


def option_words(arguments: Namespace) -> list[str]:
    """All options of all commands that were given otherwise than in the environment."""
    given = [(one, getattr(arguments, one.field)) for one in (*CONNECTION_OPTIONS, *ETCD_OPTIONS)]
    return [f"--{option.name}={value}" for option, value in given if value != option.value()]


def add_global(parser: ArgumentParser, default: str | None = None) -> None:
    """The options of all commands; with a default of their own, they are not shown in help."""
    shown = default is None
    for option in (*CONNECTION_OPTIONS, *ETCD_OPTIONS):
        preset = f"; {option.default}" if option.default else ""
        parser.add_argument(
            f"--{option.name}",
            metavar=option.metavar,
            default=option.value() if shown else default,
            help=f"{option.help} ({option.variable}{preset})" if shown else SUPPRESS,
        )
