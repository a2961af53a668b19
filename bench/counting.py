"""How many of the units' processes run on each machine, and since when, as the kernel counts."""

import subprocess
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

LIMIT_SECONDS = 120.0
"""What takes longer is no measurement."""

_COUNTER = """
import select, sys, time
SLICE = "system.slice/system-TEMPLATE.slice/pids.current"
last = None
while not select.select([sys.stdin], [], [], 0.005)[0]:
    count = 0
    for path in ("/sys/fs/cgroup/pids/" + SLICE, "/sys/fs/cgroup/" + SLICE):
        try:
            with open(path) as file:
                count += int(file.read())
        except OSError:
            pass
    if count != last:
        print(time.time(), count, flush=True)
        last = count
"""
"""One small file a look, until standard input ends. All machines share this computer's clock."""


class Counts:
    """The processes of a template's instances on some machines, while a `with` block runs."""

    def __init__(self, containers: Mapping[str, str], template: str) -> None:
        """`containers`: the machines' containers by name; `template`: its name before the @."""
        self._changed = threading.Condition()
        self._counts: dict[str, int] = {}
        self._changed_at = 0.0
        self._processes = {
            machine: subprocess.Popen(
                ["docker", "exec", "-i", container, "python3", "-c", _counter(template)],
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

    def when(self, total: int) -> float:
        """Wait until so many run on all machines together: when the last change was.

        Seconds since 1970. A machine that was killed counts for nothing.
        """
        with self._changed:
            reached = self._changed.wait_for(
                lambda: sum(self._counts.values()) == total, LIMIT_SECONDS
            )
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


def _counter(template: str) -> str:
    return _COUNTER.replace("TEMPLATE", template)
