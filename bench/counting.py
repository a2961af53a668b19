"""How many processes run on each machine, and since when, as the kernel counts."""

import subprocess
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

LIMIT_SECONDS = 120.0
"""What takes longer is no measurement."""

_COUNTER = """
import glob, select, sys, time
LOOK
last = None
while not select.select([sys.stdin], [], [], SECONDS)[0]:
    count = look()
    if count != last:
        print(time.time(), count, flush=True)
        last = count
"""
"""Looks until standard input ends. All machines share this computer's clock."""
_LOOK_AT_SLICE = """
SLICE = "system.slice/system-{template}.slice/pids.current"
def look():
    count = 0
    for path in ("/sys/fs/cgroup/pids/" + SLICE, "/sys/fs/cgroup/" + SLICE):
        try:
            with open(path) as file:
                count += int(file.read())
        except OSError:
            pass
    return count
"""
"""One small file a look."""
_LOOK_AT_NAMES = """
def is_named(path):
    try:
        with open(path) as file:
            return file.read() == "{name}\\n"
    except OSError:  # It has just ended.
        return False
def look():
    return sum(map(is_named, glob.glob("{processes}/[0-9]*/comm")))
"""


def units_of(template: str) -> str:
    """A counter of the processes of a template's instances: `template` is its name before the @."""
    return _counter(_LOOK_AT_SLICE.format(template=template), 0.005)


def processes_named(name: str, processes: str = "/proc") -> str:
    """A counter of the processes of that name, whoever has started them.

    It looks at every process, so not often: it shares the processors with what is measured.
    """
    return _counter(_LOOK_AT_NAMES.format(name=name, processes=processes), 0.2)


def _counter(look: str, seconds: float) -> str:
    return _COUNTER.replace("LOOK", look).replace("SECONDS", str(seconds))


class Counts:
    """Processes on some machines, while a `with` block runs."""

    def __init__(self, containers: Mapping[str, str], counter: str) -> None:
        """`containers`: the machines' containers by name; `counter`: a program that counts."""
        self._changed = threading.Condition()
        self._counts: dict[str, int] = {}
        self._changed_at = 0.0
        self._processes = {
            machine: subprocess.Popen(
                ["docker", "exec", "-i", container, "python3", "-c", counter],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for machine, container in containers.items()
        }
        self._threads = [threading.Thread(target=self._read, args=(m,)) for m in self._processes]

    def __enter__(self) -> Self:
        """Wait until every machine has been counted."""
        for thread in self._threads:
            thread.start()
        with self._changed:
            all_known = self._changed.wait_for(
                lambda: len(self._counts) == len(self._processes), LIMIT_SECONDS
            )
        assert all_known, f"counted only {sorted(self._counts)}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop counting."""
        for process in self._processes.values():
            assert process.stdin
            process.stdin.close()
            process.wait()
        for thread in self._threads:
            thread.join()

    def when(self, total: int, seconds: float = LIMIT_SECONDS) -> float:
        """Wait until so many run on all machines together: when the last change was.

        Seconds since 1970. A machine that was killed counts for nothing.
        """
        with self._changed:
            reached = self._changed.wait_for(lambda: sum(self._counts.values()) == total, seconds)
            assert reached, f"{total} processes are wanted, there are {self._counts}"
            return self._changed_at

    def _read(self, machine: str) -> None:
        output = self._processes[machine].stdout
        assert output
        for line in output:
            at, count = line.split()
            self._note(machine, int(count), float(at))
        self._note(machine, 0, time.time())

    def _note(self, machine: str, count: int, at: float) -> None:
        with self._changed:
            self._counts[machine] = count
            self._changed_at = max(self._changed_at, at)
            self._changed.notify_all()
