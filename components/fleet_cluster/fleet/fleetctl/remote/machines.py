"""Machines, as commands reach them: by SSH, or directly."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...cluster_state.state import ClusterState
from ...model.records import MachineState
from ..wait.outcome import Failed
from .tunnel import RemoteRequest


class Machines(Protocol):
    """Machines of the cluster, as this computer reaches them."""

    def locate(
        self, names: list[str], units_only: bool = False, some: bool = False
    ) -> "list[Located]":
        """Where units and machines are; `some`: what units are on no machine is told.

        Raises:
            CtlError: one of them is nowhere; all of them, where some will do.
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

    def have(
        self,
        words: Sequence[str],
        request: RemoteRequest,
        on_line: Callable[[str], None],
        resumes: bool = False,
    ) -> int:
        """Have another fleetctl do `WORDS` in the cluster: its exit code.

        `on_line` is called in a thread with each line that it prints. One that resumes, by
        `--resumed`, goes on through another machine.
        """
        ...

    def call(self, machine: MachineState, command: list[str]) -> list[str]:
        """The call, on this computer, that runs a command on a machine.

        Raises:
            CtlError: there is no way there.
        """
        ...

    def explain(self, failures: Mapping[str, Failed], view: ClusterState) -> None:
        """Print, on standard error, why units failed and their last journal lines."""
        ...


@dataclass(frozen=True)
class Located:
    """Location: a machine, and the unit that was looked for on it, if one was."""

    machine: MachineState
    unit: str = ""
