"""Sources of entries: journalctl on each machine, over SSH where that is another one."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic

from ...model.records import MachineState
from ..cli.output import tell
from ..remote.tunnel import CONNECTED, SAY_CONNECTED
from .entry import Entry, Reader

PATIENCE_SECONDS = 5.0
"""How long a machine has to answer when another one has."""


def announced(command: Sequence[str]) -> list[str]:
    """The command, with a word on standard error before it: that the machine has answered."""
    return ["sh", "-c", f'{SAY_CONNECTED}; exec "$@"', "fleetctl-journal", *command]


class Source:
    """The journal of one machine, of the units that it has."""

    def __init__(
        self,
        call: Sequence[str],
        machine: MachineState,
        units: list[str],
        on_answer: Callable[["Source"], None],
    ) -> None:
        """`call`: runs an `announced` journalctl there. `on_answer`: called in a thread, once."""
        self.machine = machine
        self.answered = False
        """Whether there is a connection, or was one."""
        self._reader = Reader(machine, units)
        self._on_answer = on_answer
        self._is_over = Event()
        self._process = subprocess.Popen(
            call, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def entries(self) -> Iterator[Entry]:
        """Its entries, as they come, to their end."""
        for line in self._process.stdout or ():
            entry = self._reader.read(line)
            if entry:
                yield entry

    def finish(self) -> int:
        """The exit code of journalctl, or of the way there; what it had to say was said."""
        self._listener.join()
        return self._process.wait()

    def end(self) -> None:
        """End it, if it has not ended, and say nothing more of it."""
        self._is_over.set()
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        for raw in self._process.stderr or ():
            line = raw.decode(errors="replace")
            if line == CONNECTED:
                self.answered = True
                self._on_answer(self)
            elif not self._is_over.is_set():
                tell(f"{self.machine.hostname}: {line.rstrip()}")
        if not self.answered:
            self._on_answer(self)


def silent(sources: Sequence[Source], answers: "SimpleQueue[Source]") -> list[Source]:
    """Wait for the machines' answers; those that have not answered long after the first one.

    A connection that has failed is an answer too: ssh has said why.
    """
    waiting, deadline = list(sources), float("inf")
    while waiting:
        try:
            limit = None if deadline == float("inf") else max(deadline - monotonic(), 0)
            one = answers.get(timeout=limit)
        except Empty:
            break
        waiting.remove(one)
        if one.answered:
            deadline = min(deadline, monotonic() + PATIENCE_SECONDS)
    return waiting
