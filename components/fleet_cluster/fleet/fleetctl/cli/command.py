"""What a command of fleetctl is, and what it is given."""

import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol, cast

from ...kv import KV
from ...model.records import MachineState
from ..state.view import View
from ..state.wait_conditions import Failed
from .errors import CtlError


class Input(Enum):
    """What a command reads on the computer where it was typed."""

    NOTHING = auto()
    FILES = auto()
    """The unit files that its arguments name, or the templates beside them."""
    DOCUMENT = auto()
    """Standard input."""
    FILES_OR_DOCUMENT = auto()
    """The files of its arguments; without arguments, standard input."""


class Place(Enum):
    """Where a command runs when there is a tunnel."""

    CLUSTER = auto()
    """On the machine at the tunnel's end."""
    HERE = auto()
    """On this computer, which connects to the machines of the units."""


class Machines(Protocol):
    """How this computer reaches the cluster's machines."""

    def locate(self, targets: list[str], units_only: bool = False) -> "list[Located]":
        """Where units and machines are.

        Raises:
            CtlError: one of them is nowhere.
        """
        ...

    def run(
        self,
        machine: MachineState,
        command: list[str],
        flags: Sequence[str] = (),
        takes_input: bool = False,
    ) -> int:
        """Run a command on a machine, or a login shell; its output is ours. Its exit code.

        `flags` are for ssh, should it be needed. Unless the command takes it, standard input is
        left alone: it belongs to whoever calls us, such as `while read`.
        """
        ...

    def explain(self, failures: Mapping[str, Failed], view: View) -> None:
        """Print, on standard error, why units failed and their last journal lines."""
        ...


@dataclass(frozen=True)
class Located:
    """A machine, and the unit that was looked for on it, if one was."""

    machine: MachineState
    unit: str = ""


def no_kv() -> KV:
    """Stands for a store where there is none.

    Raises:
        CtlError: always.
    """
    raise CtlError("this command talks to machines, not to etcd")


@dataclass(frozen=True)
class Context:
    """What a command works with."""

    connect: Callable[[], KV]
    """Open the store; only on a machine."""
    machines: Machines
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """The unit files that the arguments named: unit to text."""
    document: str = ""
    """Standard input, for commands that read it."""
    connect_as_app: Callable[[], KV] = no_kv
    """Open the store as the application, whose keys fleet may not read; only on a machine."""


@dataclass(frozen=True)
class Command:
    """One command: what `--help` says of it, its options, and what it does."""

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
    place: Place = Place.CLUSTER
    hidden: bool = False
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
