"""Probes: each machine is asked what is used there, by a connection of its own, while we look."""

import subprocess
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore, Event, Thread

from ...model.records import MachineState
from ..cli.errors import CtlError, Exit
from ..live.silence import Silence
from ..remote.access import FromOutside
from ..remote.machines import Machines
from ..remote.streams import STREAM, begin
from .sample import BadSampleError, Sample

WORDS = ("usage",)
RETRY_SECONDS = 5.0
"""How long to leave a machine alone that has said nothing; twice as long each time."""
MOST_RETRY_SECONDS = 300.0
SHORT_FOLDER = "/tmp"  # noqa: S108 - A name of its own is made there, for this user alone.
"""Where the sockets of shared connections are: the path of one has at most 100 letters."""
CONNECTING = 4
"""So many connections are made at a time: an sshd refuses more than ten that are not logged in."""


@dataclass(frozen=True)
class Target:
    """A machine to ask, as ssh is called with it."""

    id: str
    name: str
    address: str


@dataclass(frozen=True)
class Measured:
    """What a machine, by its id, says is used there."""

    machine: str
    sample: Sample


@dataclass(frozen=True)
class Unmeasured:
    """That a machine, by its id, does not say it any more, or not at all."""

    machine: str
    is_older: bool = False
    """Whether its fleetctl does not know the question: it is of a version before."""


Call = Callable[[Target, int], list[str]]
"""The call, on this computer, that has a machine print samples; the number: of the attempt.

Raises CtlError: there is none.
"""


def calls_of(machines: Machines, folder: str) -> Call:
    """The calls, over SSH: with each attempt through the next of the machines that are the tunnel.

    `folder`: of this process, for shared connections.
    """
    words = [*STREAM, *WORDS]

    def call(target: Target, attempt: int) -> list[str]:
        try:
            machine = MachineState(target.id, target.address, target.name)
        except ValueError as error:
            raise CtlError(f"a machine that ssh cannot be called with: {error}") from error
        if not isinstance(machines, FromOutside):
            return machines.call(machine, words)
        tunnel = machines.tunnel
        hosts = (tunnel.host, *tunnel.others)
        # It asks nothing: the screen is drawn where ssh would ask.
        options = replace(tunnel.options, batch=True, shared=folder)
        through = replace(tunnel, host=hosts[attempt % len(hosts)], options=options)
        return replace(machines, tunnel=through).call(machine, words, flags=["-T"])

    return call


class Probes:
    """Probes of machines. Whatever they hear is told from threads of their own."""

    def __init__(self, call: Call, tell: Callable[[Measured | Unmeasured], None]) -> None:
        self._call = call
        self._tell = tell
        self._gate = BoundedSemaphore(CONNECTING)
        self._probes: dict[str, _Probe] = {}

    @property
    def asked(self) -> set[str]:
        """The ids of the machines that are asked."""
        return set(self._probes)

    def ask(self, targets: Iterable[Target]) -> None:
        """Ask these machines from now on, and no others; none is waited for."""
        wanted = {one.id: one for one in targets}
        for id in [one for one, probe in self._probes.items() if probe.target != wanted.get(one)]:
            self._probes.pop(id).close()
        for id in wanted.keys() - self._probes.keys():
            self._probes[id] = _Probe(wanted[id], self._call, self._tell, self._gate)
            self._probes[id].start()

    def close(self) -> None:
        """End all."""
        self.ask([])


@contextmanager
def probes_of(
    machines: Machines, tell: Callable[[Measured | Unmeasured], None]
) -> Generator[Probes]:
    """Probes of a cluster's machines, as this computer reaches them; they end with the context."""
    with TemporaryDirectory(
        prefix="fleetctl-", dir=SHORT_FOLDER, ignore_cleanup_errors=True
    ) as folder:
        probes = Probes(calls_of(machines, folder), tell)
        try:
            yield probes
        finally:
            probes.close()


class _Probe(Thread):
    """A probe of one machine, again and again until it is closed."""

    def __init__(
        self,
        target: Target,
        call: Call,
        tell: Callable[[Measured | Unmeasured], None],
        gate: BoundedSemaphore,
    ) -> None:
        super().__init__(daemon=True)
        self.target = target
        self._call = call
        self._tell = tell
        self._gate = gate
        self._closed = Event()
        self._process: subprocess.Popen[str] | None = None

    def run(self) -> None:
        """See `Thread.run`."""
        pause = RETRY_SECONDS
        for attempt in count():
            if self._closed.is_set():
                return
            heard, code = self._follow(attempt)
            self._tell(Unmeasured(self.target.id, is_older=code == Exit.USAGE and not heard))
            pause = RETRY_SECONDS if heard else min(2 * pause, MOST_RETRY_SECONDS)
            self._closed.wait(pause)

    def close(self) -> None:
        """End it."""
        self._closed.set()
        if self._process:
            self._process.terminate()

    def _follow(self, attempt: int) -> tuple[bool, int]:
        """Whether the machine said anything, and the exit code."""
        connecting = _Connecting(self._gate)
        with connecting:
            if self._closed.is_set():
                return False, Exit.DONE
            try:
                process = begin(self._call(self.target, attempt), stderr=subprocess.DEVNULL)
            except (CtlError, OSError):
                return False, Exit.FAILED  # Its columns are empty: it is no part of what was asked.
            with process:
                self._process = process
                if self._closed.is_set():
                    process.terminate()
                silence = Silence(process)  # A machine that says nothing keeps others waiting.
                silence.start()
                try:
                    heard = self._read(process, silence, connecting.leave)
                finally:
                    silence.stop()
        return heard, process.returncode

    def _read(
        self, process: "subprocess.Popen[str]", silence: Silence, on_heard: Callable[[], None]
    ) -> bool:
        heard = False
        for line in process.stdout or ():
            try:
                sample = Sample.from_json(line)
            except BadSampleError:
                process.terminate()
                break
            silence.heard(0)
            on_heard()
            heard = True
            if not self._closed.is_set():
                self._tell(Measured(self.target.id, sample))
        return heard


class _Connecting:
    """A place among those that connect, until it is left."""

    def __init__(self, gate: BoundedSemaphore) -> None:
        self._gate = gate
        self._is_in = False

    def __enter__(self) -> None:
        self._gate.acquire()
        self._is_in = True

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        if self._is_in:
            self._is_in = False
            self._gate.release()
