"""Machines of network namespaces: each with a member of etcd, a light fleetd, and a link to lose.

They are made in a network namespace of the bench's own (`unshare --net`), where no firewall rule of
the computer's is between them.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from .light_fleetd import machine_id

NUMBERS = (1, 2, 3)
LIMIT_SECONDS = 90.0
"""What takes longer is no measurement."""


@dataclass(frozen=True)
class Settings:
    """What the machines run with."""

    program: Path
    """etcd's."""
    folder: Path
    heartbeat: int
    """Milliseconds, as the next."""
    election: int
    lease: int
    """Seconds."""


class Machine:
    """A network namespace with etcd and fleetd."""

    def __init__(self, number: int, settings: Settings) -> None:
        self.number, self.id = number, machine_id(number)
        self.endpoint = _endpoint(number)
        self.etcd_log = settings.folder / f"etcd-{number}.log"
        self._settings = settings
        # Others may measure at the same time: namespaces have names for the whole computer.
        self._name = f"fl{os.getpid()}-{number}"
        self._processes: list[subprocess.Popen[bytes]] = []

    def make(self, bridge: str) -> None:
        """Make the namespace, and its link to the others."""
        name, address = self._name, f"{_address(self.number)}/24"
        _ip("netns", "add", name)
        _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", name, "master", bridge)
        _ip("-n", name, "address", "add", address, "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "link", "set", "lo", "up")

    def start(self) -> None:
        """Connect it, and start both processes."""
        _ip("link", "set", self._name, "up")
        self._run(self.etcd_log, str(self._settings.program), *self._etcd_options())
        log = self._settings.folder / f"fleetd-{self.number}.log"
        endpoints = map(_endpoint, NUMBERS)
        here = _address(self.number), str(self.number), str(self._settings.lease)
        self._run(log, sys.executable, "-m", "bench.light_fleetd", *here, *endpoints)

    def kill(self, silent: bool) -> float:
        """Kill both processes, and end its link; `silent`: the link first. When it began."""
        began = time.time()
        if silent:
            _ip("link", "set", self._name, "down")
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()
        _ip("link", "set", self._name, "down")
        return began

    def ask(self, path: str, **body: str) -> dict[str, Any]:
        """Ask its etcd for maintenance, over its gateway for JSON.

        Raises:
            OSError: it does not answer.
        """
        url = f"http://{self.endpoint}/v3/maintenance/{path}"
        with urlopen(Request(url, json.dumps(body).encode()), timeout=3) as answer:
            return json.load(answer)

    def member(self) -> str:
        """Its etcd's id."""
        return self.ask("status")["header"]["member_id"]

    def leader(self) -> str:
        """The id of the member that leads, as its etcd knows; empty if none does."""
        return self.ask("status").get("leader", "")

    def remove(self) -> None:
        """End its processes and its namespace, and with it its link."""
        for process in self._processes:
            process.kill()
            process.wait()
        _ip("netns", "delete", self._name)

    def _etcd_options(self) -> list[str]:
        here, given = f"http://{_address(self.number)}", self._settings
        members = ",".join(f"m{n}=http://{_address(n)}:2380" for n in NUMBERS)
        return [
            f"--name=m{self.number}",
            f"--data-dir={given.folder / f'data-{self.number}'}",
            f"--listen-client-urls={here}:2379",
            f"--advertise-client-urls={here}:2379",
            f"--listen-peer-urls={here}:2380",
            f"--initial-advertise-peer-urls={here}:2380",
            f"--initial-cluster={members}",
            f"--heartbeat-interval={given.heartbeat}",
            f"--election-timeout={given.election}",
        ]

    def _run(self, log: Path, *command: str) -> None:
        """Start a program here: `ip netns exec` becomes it."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ETCD")}
        with log.open("ab") as stream:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self._name, *command],
                stdout=stream,
                stderr=stream,
                env=environment,
            )
        self._processes.append(process)


def make_bridge() -> str:
    """Make what connects them, and this process with them: its name."""
    name = "fleet-bench"
    _ip("link", "add", name, "type", "bridge")
    _ip("address", "add", f"{_address(254)}/24", "dev", name)
    _ip("link", "set", name, "up")
    return name


def wait(what: str, ready: Callable[[], bool]) -> None:
    """Ask until it is so; who does not answer is not ready."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not _answers(ready):
        if time.monotonic() > deadline:
            sys.exit(f"waited {LIMIT_SECONDS:.0f} s for {what}")
        time.sleep(0.1)  # There is no event for it.


def _answers(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except (URLError, OSError):
        return False


def _address(number: int) -> str:
    return f"10.77.0.{number}"


def _endpoint(number: int) -> str:
    return f"{_address(number)}:2379"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
