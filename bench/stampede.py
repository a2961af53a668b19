"""What a crowd of fleetds asks of etcd when it restarts: `python -m bench.stampede`.

A real etcd of one member and light fleetds (`bench.crowd`), all on loopback. Prints how many
requests etcd gets in a quiet second; then, each as a ratio to that, in the busiest second and the
busiest fifth of one after a restart, and after the leader's key was deleted.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from fleet_cluster._etcd_release import VERSION, etcd_archive
from fleet_cluster.fleet.etcd.client import connect
from fleet_cluster.fleet.kv import Delete
from fleet_cluster.fleet.model.keys import LEADER, MACHINES
from fleet_cluster.fleet.setup.etcd_release import unpack
from fleet_cluster.images import own_processor

from . import tables

FLEETDS = 100
PROCESSES = 4
QUIET_SECONDS = 30.0
WATCHED_SECONDS = 30.0
LEADER_SECONDS = 5.0
SAMPLE_SECONDS = 0.2
LIMIT_SECONDS = 120.0
"""What takes longer is no measurement."""

_RECEIVED = re.compile(r'^grpc_server_msg_received_total\{grpc_method="(\w+)".*\} (\S+)$', re.M)
"""Messages from clients: a request each, also those within a stream (leases, watches)."""
OWN = ("Status", "Snapshot")
"""What etcd asks of itself."""

Counts = dict[str, int]
"""Requests by gRPC method."""


@dataclass(frozen=True)
class Sample:
    """What etcd had been asked at a time: seconds of this computer's clock, requests by then."""

    at: float
    counts: Counts

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.counts.values())


class Server:
    """etcd of one member, without certificates."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.endpoint, peer = (f"127.0.0.1:{_free_port()}" for _ in range(2))
        self._command = [
            str(program),
            f"--data-dir={folder}",
            f"--listen-client-urls=http://{self.endpoint}",
            f"--advertise-client-urls=http://{self.endpoint}",
            f"--listen-peer-urls=http://{peer}",
            f"--initial-advertise-peer-urls=http://{peer}",
            f"--initial-cluster=default=http://{peer}",
            "--log-level=panic",
        ]
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ETCD")}
        return subprocess.Popen(self._command, env=environment)

    def restart(self) -> None:
        """Stop it, and start it at once."""
        self.stop()
        self._process = self._started()

    def stop(self) -> None:
        """Wait until it has ended."""
        self._process.terminate()
        self._process.wait()

    def sample(self) -> Sample | None:
        """What it has been asked; None while it does not answer."""
        try:
            with urlopen(f"http://{self.endpoint}/metrics", timeout=2) as answer:
                text = answer.read().decode()
        except (URLError, OSError):
            return None
        found = {name: int(float(count)) for name, count in _RECEIVED.findall(text)}
        return Sample(time.monotonic(), {k: n for k, n in found.items() if k not in OWN})

    def samples(self, seconds: float) -> list[Sample]:
        """What it has been asked, again and again for so long."""
        end, found = time.monotonic() + seconds, list[Sample]()
        while time.monotonic() < end:
            if sample := self.sample():
                found.append(sample)
            time.sleep(SAMPLE_SECONDS)  # It has no event for that.
        return found


@contextmanager
def _crowd(endpoint: str, count: int) -> Generator[None]:
    """So many fleetds, while the `with` block runs."""
    shares = [len(range(n, count, PROCESSES)) for n in range(PROCESSES)]
    firsts = [1 + sum(shares[:n]) for n in range(PROCESSES)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.crowd", endpoint, str(first), str(share)],
            stdin=subprocess.PIPE,
        )
        for first, share in zip(firsts, shares, strict=True)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.communicate()


def busiest(samples: Sequence[Sample], seconds: float) -> float:
    """The most requests in any stretch of at least so many seconds, for each of its seconds."""
    rates: list[float] = []
    for n, first in enumerate(samples):
        last = next((one for one in samples[n:] if one.at >= first.at + seconds), None)
        if last:
            rates.append((last.total - first.total) / (last.at - first.at))
    return max(rates, default=0.0)


def quiet_after(samples: Sequence[Sample], quiet: float) -> float:
    """After how many seconds no second was busier than two quiet ones."""
    busy = [
        one.at
        for n, one in enumerate(samples)
        if busiest(samples[n : n + 1 + round(1 / SAMPLE_SECONDS)], 0.9) > 2 * quiet
    ]
    return max(busy, default=samples[0].at) - samples[0].at


def _measure(server: Server, count: int) -> list[Sequence[str]]:
    store = connect([server.endpoint])
    _wait(lambda: len(store.read(MACHINES).entries) == count, "all machines to be announced")
    _wait(lambda: bool(store.read(LEADER).entries), "a leader")
    before = store.read(MACHINES).entries
    still = server.samples(QUIET_SECONDS)
    quiet = (still[-1].total - still[0].total) / (still[-1].at - still[0].at)
    rows: list[Sequence[str]] = [("a quiet second", f"{quiet:.0f}", "1", "", "", "")]
    server.restart()
    rows.append(_row("etcd restarts", server.samples(WATCHED_SECONDS), quiet, since_start=True))
    after = store.read(MACHINES).entries
    kept = sum(after[key].lease == one.lease for key, one in before.items() if key in after)
    print(f"{kept} of {count} machines have kept their lease", file=sys.stderr)
    first = server.sample()
    store.commit([Delete(LEADER)])
    samples = [one for one in (first, *server.samples(LEADER_SECONDS)) if one]
    rows.append(_row("the leader's key is gone", samples, quiet))
    return rows


def _row(
    what: str, samples: list[Sample], quiet: float, since_start: bool = False
) -> Sequence[str]:
    """A line of the table; `since_start`: etcd had been asked nothing before the first sample."""
    if since_start:
        samples = [Sample(samples[0].at - SAMPLE_SECONDS, {}), *samples]
    second, fifth = busiest(samples, 1.0), busiest(samples, SAMPLE_SECONDS)
    writes = samples[-1].counts.get("Txn", 0) - samples[0].counts.get("Txn", 0)
    return (
        what,
        f"{second:.0f}",
        f"{second / quiet:.1f}",
        f"{fifth / quiet:.1f}",
        f"{quiet_after(samples, quiet):.1f}",
        f"{writes}",
    )


def _wait(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            sys.exit(f"waited {LIMIT_SECONDS:.0f} s for {what}")
        time.sleep(1)


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.stampede")
    parser.add_argument("--fleetds", type=int, default=FLEETDS, help="how many there are")
    count = parser.parse_args().fleetds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(etcd_archive(own_processor()), VERSION, folder / "programs", ["etcd"])
        server = Server(folder / "programs/etcd", folder / "data")
        try:
            with _crowd(server.endpoint, count):
                rows = _measure(server, count)
        finally:
            server.stop()
    header = ("", "requests a second", "ratio", "in a fifth of a second", "quiet after s", "Txn")
    sys.stdout.write(tables.table(header, rows))


if __name__ == "__main__":
    main()
