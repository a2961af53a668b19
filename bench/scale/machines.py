"""Hundreds of machines: light fleetds in a few processes.

The first machine, which is to lead, and the second one have a process each, to be looked at alone;
those that are to be lost have one together.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.crowd import KEPT

from .usage import FLEETD

LEADER, FOLLOWER, LOST = f"{FLEETD} leads", f"{FLEETD} follows", f"{FLEETD}s to be lost"
CROWDS = 3
"""In so many processes are all others: one alone would wait for Python's lock."""
PROGRAM = (sys.executable, "-m", "bench.as_on_machines")


@dataclass(frozen=True)
class Share:
    """The machines of one process."""

    first: int
    count: int


def shares(count: int) -> dict[str, Share]:
    """The processes by name, of so many machines: a tenth are to be lost."""
    lost = count // 10
    rest = count - 2 - lost
    sizes = [len(range(n, rest, CROWDS)) for n in range(CROWDS)]
    named = {LEADER: 1, FOLLOWER: 1, LOST: lost}
    named |= {f"{FLEETD}s {n}": size for n, size in enumerate(sizes, 1)}
    # Those to be lost come last: all of them are workers.
    order = [name for name in named if name != LOST] + [LOST]
    firsts = [1 + sum(named[one] for one in order[:n]) for n in range(len(order))]
    return {name: Share(first, named[name]) for name, first in zip(order, firsts, strict=True)}


class Machines:
    """The machines of a cluster."""

    def __init__(self, count: int, endpoints: Sequence[str], folder: Path) -> None:
        """`folder`: where each machine has its own."""
        self.count = count
        self.shares = shares(count)
        self._endpoints = endpoints
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        """Start some processes, by default all that do not run."""
        for name in names or [one for one in self.shares if one not in self._running]:
            share = self.shares[name]
            self._running[name] = subprocess.Popen(
                [
                    *PROGRAM,
                    "bench.crowd",
                    ",".join(self._endpoints),
                    str(share.first),
                    str(share.count),
                    str(self._folder),
                ],
                stdin=subprocess.PIPE,
                env={**os.environ, "GRPC_VERBOSITY": "NONE"},
            )

    def stop(self) -> None:
        """Stop all processes; what runs on their machines runs on."""
        for process in self._running.values():
            assert process.stdin
            process.stdin.close()
        for process in self._running.values():
            process.wait()
        self._running.clear()

    def lose(self) -> None:
        """Kill those that are to be lost, with all that they have."""
        process = self._running.pop(LOST)
        process.kill()
        process.wait()
        for folder in self._folders(LOST):
            for name in KEPT:
                (folder / name).unlink(missing_ok=True)

    def pids(self) -> Mapping[str, int]:
        """The processes by name."""
        return {name: process.pid for name, process in self._running.items()}

    def _folders(self, name: str) -> list[Path]:
        share = self.shares[name]
        numbers = range(share.first, share.first + share.count)
        return [self._folder / f"machine-{number}" for number in numbers]
