"""The demo's stack: a cluster of its own, from a copy of this checkout's program."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
PROGRAMS = Path(".pulumi/programs")
"""Where the copies are, as `toolchain/lib.sh` knows too."""
PROGRAM = (
    "__main__.py",
    "config.py",
    "config_aws.py",
    "config_values.py",
    "Pulumi.yaml",
    "images",
    "units",
)
"""What a copy has; the library is the checkout's."""


class TroubleError(Exception):
    """Something that keeps the demo from going on, said in full."""


@dataclass(frozen=True)
class Machine:
    """A machine of the cluster, as Docker knows it."""

    container: str
    address: str


@dataclass(frozen=True)
class Stack:
    """A stack, and the folder of its program, where all commands run."""

    name: str
    """As Pulumi takes it: an organization may stand before it."""
    program: Path

    @property
    def short(self) -> str:
        """Its name alone, as in names of files and on what Docker has of it."""
        return self.name.rpartition("/")[2]

    @property
    def log(self) -> Path:
        """What all commands have printed."""
        return CHECKOUT / ".pulumi" / f"{self.short}.log"

    @property
    def environment(self) -> dict[str, str]:
        """What makes pulumi and fleetctl speak of this stack, whatever the user's shell has set."""
        return {
            **os.environ,
            "PULUMI_STACK": self.name,
            "FLEETCTL_TUNNEL": "machine-1",
            "FLEETCTL_SSH_CONFIG": f"{self.program}/.pulumi/ssh/{self.short}/ssh_config",
        }

    def ask(self, *command: str) -> str:
        """What a command prints.

        Raises:
            TroubleError: it fails; with what it said.
        """
        done = subprocess.run(
            command, cwd=self.program, env=self.environment, capture_output=True, text=True
        )
        if done.returncode:
            said = (done.stdout + done.stderr).strip()
            raise TroubleError(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
        return done.stdout

    def exists(self) -> bool:
        """Whether it was made already."""
        listed = json.loads(self.ask("pulumi", "stack", "ls", "--json"))
        return self.short in {stack["name"].rpartition("/")[2] for stack in listed}

    def output(self, name: str) -> str:
        """One of its outputs, as text."""
        return self.ask("pulumi", "stack", "output", name).strip()

    def machine(self, name: str) -> Machine:
        """A machine by its name. Another checkout's stack may be called the same."""
        address: str = json.loads(self.output("machines"))[name]
        labelled = f"--filter=label=fleet-cluster=fleet-cluster/{self.short}"
        containers = self.ask("docker", "ps", "--all", "--quiet", labelled).split()
        shape = "{{.Name}}{{range .NetworkSettings.Networks}} {{.IPAMConfig.IPv4Address}}{{end}}"
        rows = self.ask("docker", "inspect", "--format", shape, *containers).splitlines()
        return Machine(container_at(address, rows), address)

    def app(self) -> list[Mapping[str, str]]:
        """The instances of the app: rows of list-units."""
        return json.loads(self.ask("fleetctl", "list-units", "sinatra@*", "--output", "json"))


def prepare(name: str) -> Stack:
    """Copy the program afresh, so that the demo changes nothing of the checkout's.

    Raises:
        TroubleError: a stack of this name is there, and not a demo's.
    """
    short = Stack(name, CHECKOUT).short
    stack = Stack(name, CHECKOUT / PROGRAMS / short)
    if not stack.program.exists() and Stack(name, CHECKOUT).exists():
        raise TroubleError(
            f"{name} is a stack that is there, and none of a demo: it would be changed. "
            "Allowed: the name of one that is not there. Next: make demo STACK=demo"
        )
    stack.program.mkdir(parents=True, exist_ok=True)
    for part in PROGRAM:
        _copy(CHECKOUT / part, stack.program / part)
    (stack.program / ".venv").unlink(missing_ok=True)
    (stack.program / ".venv").symlink_to(CHECKOUT / ".venv")
    return stack


def _copy(source: Path, to: Path) -> None:
    if source.is_dir():
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(source, to)
    else:
        shutil.copy(source, to)


def container_at(address: str, rows: Sequence[str]) -> str:
    """The container with an address; a row is its name, after a slash, and its addresses.

    Raises:
        TroubleError: there is none.
    """
    for row in rows:
        name, *addresses = row.split()
        if address in addresses:
            return name.removeprefix("/")
    raise TroubleError(f"Docker has no container at {address}. Next: make demo begins again")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
