"""Machines, as commands reach them: by SSH, or directly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...cluster_state.state import ClusterState
from ...model.records import MachineState
from ..wait.outcome import Failed


class Machines(Protocol):
    """Machines of the cluster, as this computer reaches them."""

    def locate(self, names: list[str], units_only: bool = False) -> "list[Located]":
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

    def explain(self, failures: Mapping[str, Failed], view: ClusterState) -> None:
        """Print, on standard error, why units failed and their last journal lines."""
        ...


@dataclass(frozen=True)
class Located:
    """Location: a machine, and the unit that was looked for on it, if one was."""

    machine: MachineState
    unit: str = ""
