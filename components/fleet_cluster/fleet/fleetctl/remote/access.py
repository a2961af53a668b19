"""Access to machines from where fleetctl runs: one of them, or the user's computer."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...cluster_state.state import ClusterState
from ...kv import KV
from ...model.record import BadRecordError
from ...model.records import MachineState
from ...model.rollout_step import OnStep, RolloutStep
from ...model.wire import to_wire
from ...unitfiles.quadlets.names import service_of
from ..cli.errors import CtlError
from ..cli.names import misnomer
from ..cli.output import tell
from ..state.watcher import read_state
from ..wait.outcome import Failed
from .locate import locate, locate_some
from .machines import Located
from .ssh import SshHost, SshOptions
from .tunnel import REMOTE_FLAG, RemoteRequest, Tunnel, run_remote, send_message

JOURNAL_LINES = 10
MACHINE_ID_FILE = Path("/etc/machine-id")


@dataclass(frozen=True)
class FromMachine:
    """Access from a machine of the cluster, which runs its own commands itself."""

    connect: Callable[[], KV]
    options: SshOptions
    is_remote: bool = False
    """Whether the user is at the other end of a tunnel, from where other machines are reached."""

    def locate(
        self, names: list[str], units_only: bool = False, some: bool = False
    ) -> list[Located]:
        """See `Machines`."""
        view = read_state(self.connect())
        if not some:
            return locate(names, view, units_only)
        found, missing = locate_some(names, view)
        for reason in missing:
            tell(reason)
        return found

    def run(
        self,
        machine: MachineState,
        command: list[str],
        flags: Sequence[str] = (),
        takes_input: bool = False,
    ) -> int:
        """See `Machines`."""
        shell = [os.environ.get("SHELL", "/bin/bash"), "-l"] if self._is_own(machine) else []
        return _call(self.call(machine, command or shell, flags), takes_input)

    def have(
        self,
        words: Sequence[str],
        request: RemoteRequest,
        on_line: Callable[[str], None],
        resumes: bool = False,
    ) -> int:
        """See `Machines`; a machine asks itself, and goes when that does."""
        call = ["fleetctl", REMOTE_FLAG, *words]
        return run_remote(call, request, tell, lambda: None, on_line)[0]

    def call(
        self, machine: MachineState, command: list[str], flags: Sequence[str] = ()
    ) -> list[str]:
        """See `Machines`."""
        if self._is_own(machine):
            return command
        if "SSH_AUTH_SOCK" not in os.environ and not self.options.identity:
            raise CtlError(
                f"{machine.hostname} ({machine.address}) is another machine, and there is no key "
                "here to log in there. Run the same command on your own computer with --tunnel, "
                "or come here with agent forwarding: fleetctl ssh -A, ssh -A"
            )
        return self.options.command(SshHost(machine.address), command, flags=flags)

    def explain(self, failures: Mapping[str, Failed], view: ClusterState) -> None:
        """See `Machines`."""
        for name, failure in failures.items():
            tell(f"{name}: {failure.reason}")
            machine = view.machines.get(failure.machine)
            if failure.journal:
                tell("\n".join(f"  {line}" for line in failure.journal.splitlines()))
                tell(f"  more of it: fleetctl journal {name}")
            elif machine and self._is_own(machine):
                _call(_status(name), to_stderr=True)
            elif machine and self.is_remote:
                send_message(json.dumps({"unit": name, "machine": to_wire(machine)}))
            elif machine:
                tell(f"  its log: fleetctl journal {name}")

    def _is_own(self, machine: MachineState) -> bool:
        return MACHINE_ID_FILE.is_file() and MACHINE_ID_FILE.read_text().strip() == machine.id


@dataclass(frozen=True)
class FromOutside:
    """Access from the user's computer, which connects to machines through the tunnel's end."""

    tunnel: Tunnel
    etcd_options: list[str]
    ssh_port: int = 0

    def locate(
        self, names: list[str], units_only: bool = False, some: bool = False
    ) -> list[Located]:
        """See `Machines`."""
        kind = [*(["--units"] if units_only else []), *(["--some"] if some else [])]
        answer = self.tunnel.ask([*self.etcd_options, "locate", *kind, "--", *names])
        return [_located(found) for found in json.loads(answer)]

    def run(
        self,
        machine: MachineState,
        command: list[str],
        flags: Sequence[str] = (),
        takes_input: bool = False,
    ) -> int:
        """See `Machines`."""
        return _call(self.call(machine, command, flags), takes_input)

    def have(
        self,
        words: Sequence[str],
        request: RemoteRequest,
        on_line: Callable[[str], None],
        resumes: bool = False,
    ) -> int:
        """See `Machines`."""
        self.tunnel.resumes = resumes
        far = [*self.etcd_options, *words]
        return self.tunnel.run(far, request, self.take_message, on_line)

    def explain(self, failures: Mapping[str, Failed], view: ClusterState) -> None:
        """See `Machines`."""
        raise NotImplementedError("commands that wait run on a machine")

    def take_message(self, message: str, on_step: OnStep | None = None) -> None:
        """Take what the far command tells: a step of a rollout, or a unit that failed.

        Of that one, which is on a machine beyond the tunnel's end, the status is shown.
        """
        told = json.loads(message)
        if on_step and "step" in told:
            # Of another version, it may say what cannot be read: for a span no rollout ends.
            with suppress(BadRecordError):
                on_step(RolloutStep.from_object(told["step"]))
        else:
            failed = _located(told)
            _call(self.call(failed.machine, _status(failed.unit)), to_stderr=True)

    def call(
        self, machine: MachineState, command: list[str], flags: Sequence[str] = ()
    ) -> list[str]:
        """See `Machines`. The way: that of the ssh configuration, or else through the tunnel."""
        options = self.tunnel.options
        if self.tunnel.host.name in (machine.address, machine.hostname):
            return options.command(self.tunnel.host, command, flags=flags)
        if self._is_configured(machine.hostname):
            return options.command(SshHost(machine.hostname), command, flags=flags)
        host = SshHost(machine.address, self.ssh_port)
        return options.command(host, command, jump=self.tunnel.host, flags=flags)

    def _is_configured(self, name: str) -> bool:
        """Whether the ssh configuration says where a host of that name is."""
        answer = subprocess.run(
            self.tunnel.options.resolve(name),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        found = [line for line in answer.stdout.splitlines() if line.startswith("hostname ")]
        return bool(found) and found[0].split()[1].lower() != name.lower()


def _status(unit: str) -> list[str]:
    asked = ["systemctl", "status", "--no-pager", "--full", f"--lines={JOURNAL_LINES}"]
    return [*asked, "--", service_of(unit)]


def _call(command: list[str], takes_input: bool = False, to_stderr: bool = False) -> int:
    given = None if takes_input else subprocess.DEVNULL
    output = sys.stderr if to_stderr else None
    try:
        return subprocess.run(command, stdin=given, stdout=output, check=False).returncode
    except FileNotFoundError as error:
        raise CtlError(f"{command[0]} is not installed on this computer") from error


def _located(raw: Mapping[str, Any]) -> Located:
    """What fleetctl on a machine says, perhaps of another version: it becomes words of ssh's call.

    Raises:
        CtlError: it cannot be a machine and a unit.
    """
    try:
        found = Located(MachineState.from_object(raw["machine"]), str(raw["unit"]))
    except (KeyError, TypeError, BadRecordError) as error:
        raise CtlError(f"the machine asked says what cannot be used: {error}") from error
    if found.unit and (fault := misnomer(found.unit)):
        raise CtlError(f"the machine asked says what cannot be used: {fault}")
    return found
