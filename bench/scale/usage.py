"""What processes and etcd have used by a time: the kernel's figures, and etcd's own."""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

TICKS = os.sysconf("SC_CLK_TCK")
ETCD, FLEETD = "etcd", "fleetd"
"""Kinds of programs."""
FORGET_PEAK = "5"
"""What the kernel takes for: count the most memory from now on."""
COUNTERS = {
    "requests": r"grpc_server_msg_received_total",
    "bytes": r"etcd_network_client_grpc_(?:sent|received)_bytes_total",
    "events": r"etcd_debugging_mvcc_events_total",
}
"""What etcd counts, by our word for it: messages from clients, a request each, also within streams;
bytes from and to them; events sent to watches."""


@dataclass(frozen=True)
class Reading:
    """What was used by a time: of processors in seconds by program, of etcd by word."""

    at: float
    cpu: Mapping[str, float]
    counted: Mapping[str, float]


@dataclass(frozen=True)
class Usage:
    """What was used between two readings."""

    seconds: float
    cpu: Mapping[str, float]
    counted: Mapping[str, float]
    peak: Mapping[str, float]
    """The most memory of each program, in MiB."""

    def of(self, kind: str) -> float:
        """Seconds of processor of all programs of a kind: those whose names begin so."""
        return sum(used for name, used in self.cpu.items() if name.startswith(kind))

    def peak_of(self, kind: str) -> float:
        """The most memory of one program of a kind, in MiB."""
        return max((size for name, size in self.peak.items() if name.startswith(kind)), default=0.0)

    def rate(self, what: str) -> float:
        """What etcd counted, a second."""
        return self.counted[what] / self.seconds


def begin(pids: Mapping[str, int]) -> None:
    """Have the kernel count the most memory of these processes from now on."""
    for pid in pids.values():
        Path(f"/proc/{pid}/clear_refs").write_text(FORGET_PEAK)


def read(pids: Mapping[str, int], metrics: Mapping[str, str]) -> Reading:
    """A reading; `metrics`: URLs of etcd's members."""
    texts = [_metrics(url) for url in metrics.values()]
    counted = {word: sum(_sum(name, text) for text in texts) for word, name in COUNTERS.items()}
    return Reading(time.monotonic(), {n: _seconds(pid) for n, pid in pids.items()}, counted)


def between(before: Reading, after: Reading, pids: Mapping[str, int], anew: str = "") -> Usage:
    """The usage between two readings.

    Programs of the kind `anew` were restarted meanwhile: they count from their restart, and so does
    what etcd counts.
    """
    cpu = {
        name: used - (0.0 if anew and name.startswith(anew) else before.cpu[name])
        for name, used in after.cpu.items()
    }
    counted = {
        word: total - (0.0 if anew == ETCD else before.counted[word])
        for word, total in after.counted.items()
    }
    peaks = {name: peak(pid) for name, pid in pids.items()}
    return Usage(after.at - before.at, cpu, counted, peaks)


def peak(pid: int) -> float:
    """The most memory that a process has had, in MiB."""
    return _status(pid, "VmHWM")


def resident(pid: int) -> float:
    """The memory that a process has, in MiB."""
    return _status(pid, "VmRSS")


def _status(pid: int, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.M)
    assert found, f"the kernel does not tell {name}"
    return int(found[1]) / 1024


def _seconds(pid: int) -> float:
    """Processor time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _metrics(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def _sum(name: str, text: str) -> float:
    found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.M)
    return sum(map(float, found))
