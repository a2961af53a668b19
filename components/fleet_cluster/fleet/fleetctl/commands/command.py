"""Command: what each of fleetctl's commands declares."""

import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import cast

from ..operations.context import Context


class Input(Enum):
    """Input of a command, read on the computer where it was typed."""

    NOTHING = auto()
    FILES = auto()
    """The unit files that its arguments name, or the templates beside them."""
    DOCUMENT = auto()
    """Standard input."""
    SECRET = auto()
    """The value of a secret on standard input, any bytes, where the arguments say so."""
    FILES_OR_DOCUMENT = auto()
    """The files of its arguments; without arguments, standard input."""


class RunsOn(Enum):
    """Side of the tunnel on which a command runs."""

    CLUSTER = auto()
    """On the machine at the tunnel's end."""
    HERE = auto()
    """On this computer, which connects to the machines of the units."""


@dataclass(frozen=True)
class Command:
    """Command: what `--help` says of it, its options, and what it does."""

    name: str
    summary: str
    """One line, for the list of commands."""
    help: str
    """What it does, for `fleetctl NAME --help`."""
    example: str
    configure: Callable[[ArgumentParser], None]
    run: Callable[[Context, Namespace], int]
    """Returns an exit code; raises CtlError."""
    input: Input = Input.NOTHING
    runs_on: RunsOn = RunsOn.CLUSTER
    hidden: bool = False
    resumes: bool = False
    """Whether it goes on through another machine when the one that it went through is gone: it
    takes `--series`, by which it knows its own work again, and then `--resumed`."""
    after_interrupt: str = ""
    """Of a command that changes something and waits: what goes on by itself after Ctrl-C, how to
    look, and how to take it back. `{units}` and `{machine}` are those of the command line."""

    def interrupt_advice(self, arguments: Namespace) -> str:
        """`after_interrupt`, as it can be typed."""
        given = {
            name: shlex.join(cast(list[str], value) if isinstance(value, list) else [str(value)])
            for name, value in vars(arguments).items()
        }
        return self.after_interrupt.format_map(given)
