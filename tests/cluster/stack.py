"""A stack as its user sees it: pulumi, fleetctl, docker and curl on the command line."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.checkout import CHECKOUT


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that it printed."""
        return self.out + self.err


END_SECONDS = 60
"""How long what was interrupted may tidy up."""
PROGRAM = (
    "__main__.py",
    "config.py",
    "config_aws.py",
    "config_values.py",
    "Pulumi.yaml",
    "components",
    "units",
    "images",
)


def copy_program(to: Path) -> Path:
    """A copy of this checkout's program, for a test to change as it likes."""
    to.mkdir()
    for name in PROGRAM:
        source = CHECKOUT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, to / name)
    (to / ".venv").symlink_to(CHECKOUT / ".venv")
    return to


@dataclass(frozen=True)
class Stack:
    """A stack of a program, with a state and a passphrase of its own."""

    name: str
    program: Path
    home: Path
    """Where its state is: nothing of it stays in the checkout."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    def run(self, *command: str, check: bool = True, stdin: str = "", seconds: int = 600) -> Done:
        """Run a command in the program's folder; a failure fails the test with its output.

        After its time nothing of it goes on: what it has started ends with it.
        """
        with self._begin(command) as process:
            try:
                out, err = process.communicate(stdin, timeout=seconds)
            except BaseException:  # Ctrl-C and the test's own limit too reach this process alone.
                end_all(process)
                raise
        done = Done(process.returncode, out, err)
        assert not check or done.code == 0, f"{' '.join(command)} exited {done.code}:\n{done.text}"
        return done

    def _begin(self, command: Sequence[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.program,
            env={**os.environ, **self.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        """What selects this stack for every tool."""
        ssh_config = self.program / ".pulumi" / "ssh" / self.name / "ssh_config"
        return {
            "PULUMI_STACK": self.name,
            "PULUMI_BACKEND_URL": f"file://{self.home}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.home / "passphrase"),
            "FLEETCTL_TUNNEL": "machine-1",
            "FLEETCTL_SSH_CONFIG": str(ssh_config),
            **self.env,
        }

    def create(self, config: Mapping[str, str]) -> None:
        """Make the stack, with these settings."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "passphrase").write_text("only for this test\n")
        self.run("pulumi", "stack", "init", self.name)
        self.configure(config)

    def configure(self, config: Mapping[str, str]) -> None:
        """Change settings."""
        for setting, value in config.items():
            self.run("pulumi", "config", "set", setting, "--", value)

    def configure_list(self, setting: str, values: Sequence[str]) -> None:
        """Make a list the value of a setting."""
        for number, value in enumerate(values):
            self.run("pulumi", "config", "set", "--path", f"{setting}[{number}]", "--", value)

    def up(self, *flags: str, check: bool = True) -> Done:
        """`pulumi up`."""
        command = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", *flags)
        return self.run(*command, check=check, seconds=900)

    def preview(self, *flags: str, check: bool = True) -> Done:
        """`pulumi preview`."""
        return self.run("pulumi", "preview", "--diff", "--non-interactive", *flags, check=check)

    def changes(self, *flags: str) -> dict[str, str]:
        """What a preview says will happen: the operation, by resource name."""
        told = json.loads(self.run("pulumi", "preview", "--json", *flags).out)
        return {
            step["urn"].rpartition("::")[2]: step["op"]
            for step in told["steps"]
            if step["op"] != "same"
        }

    def outputs(self) -> dict[str, Any]:
        """`pulumi stack output`."""
        return json.loads(self.run("pulumi", "stack", "output", "--json").out)

    def destroy(self) -> None:
        """Remove everything, and the stack itself."""
        self.run("pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive", seconds=900)
        self.run("pulumi", "stack", "rm", "--yes")

    def fleetctl(self, *arguments: str, check: bool = True) -> Done:
        """`fleetctl`, through the first machine."""
        return self.run("fleetctl", *arguments, check=check)

    def fleetctl_json(self, *arguments: str) -> Any:
        """`fleetctl --output json`."""
        return json.loads(self.fleetctl(*arguments, "--output", "json").out)

    def on(self, machine: str, command: str, check: bool = True, stdin: str = "") -> Done:
        """A command on a machine, over SSH as core."""
        config = self.environment()["FLEETCTL_SSH_CONFIG"]
        return self.run("ssh", "-F", config, machine, command, check=check, stdin=stdin)

    def container(self, name: str) -> str:
        """The Docker container behind a machine, the registry or the load balancer: its id."""
        listed = self.run(
            "docker",
            "ps",
            "--all",
            "--quiet",
            "--no-trunc",
            *self._label(),
            f"--filter=name={name}",
        )
        ids = listed.out.split()
        assert len(ids) == 1, f"{name}: {ids}"
        return ids[0]

    def docker_objects(self) -> list[str]:
        """Every container, network and volume in Docker that carries this stack's label."""
        found: list[str] = []
        for kind in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
            found += self.run("docker", *kind, "--quiet", *self._label()).out.split()
        return found

    def remove_docker_objects(self) -> None:
        """Remove from Docker what carries this stack's label, whatever Pulumi knows of it."""
        for listing, remove in (
            (("ps", "--all"), ("rm", "--force", "--volumes")),
            (("network", "ls"), ("network", "rm")),
            (("volume", "ls"), ("volume", "rm", "--force")),
        ):
            ids = self.run("docker", *listing, "--quiet", *self._label()).out.split()
            if ids:
                self.run("docker", *remove, *ids)

    def get(self, path: str = "/") -> Done:
        """`curl` of a path behind the stack's URL, with headers."""
        url = self.outputs()["url"].rstrip("/") + path
        return self.run("curl", "--silent", "--show-error", "--include", "--max-time", "10", url)

    def units(self) -> dict[str, list[dict[str, str]]]:
        """`fleetctl list-units`: rows by unit."""
        rows: dict[str, list[dict[str, str]]] = {}
        for row in self.fleetctl_json("list-units"):
            rows.setdefault(row["unit"], []).append(row)
        return rows

    def _label(self) -> Sequence[str]:
        project = re.search(r"^name: *(\S+)", (self.program / "Pulumi.yaml").read_text(), re.M)
        assert project
        return [f"--filter=label=fleet-cluster={project.group(1)}/{self.name}"]


def end_all(process: subprocess.Popen[str]) -> None:
    """End a process and all that it has started: as Ctrl-C does, and at last without asking."""
    with suppress(ProcessLookupError):  # They may end by themselves.
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def eventually(what: str, holds: Any, seconds: float = 60) -> None:
    """Ask until it holds; the limit only keeps a failing test from hanging."""
    deadline = monotonic() + seconds
    last: object = None
    while monotonic() < deadline:
        try:
            if holds():
                return
            last = "it does not hold"
        except AssertionError as error:
            last = error
        sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds:.0f} s; the last time: {last}")


UNASKED_PORTS = range(20_000, 30_000)
"""Ports that a system gives to nobody who asks for any: one stays free until Docker binds it."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    return next(port for port in random.sample(UNASKED_PORTS, 100) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as listener, suppress(OSError):
        listener.bind(("127.0.0.1", port))
        return True
    return False
