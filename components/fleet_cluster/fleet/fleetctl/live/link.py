"""The link to a machine that streams the cluster; to another one when that is gone."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from threading import Event, Thread
from typing import IO

from ..remote.access import FromOutside
from ..remote.machines import Machines
from ..remote.streams import STREAM, begin
from .changes import BadLineError, Change
from .silence import Silence

RETRY_SECONDS = 1.0
"""How long to leave a machine alone that has said nothing."""


@dataclass(frozen=True)
class Way:
    """A way to a machine: what it is called, and the call that streams."""

    name: str
    call: Sequence[str]


@dataclass(frozen=True)
class Told:
    """Something that the machine, or ssh, said on its standard error."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The end of a connection, and why; `heard`: whether it brought anything."""

    way: str
    reason: str
    next: str
    heard: bool


@dataclass(frozen=True)
class Heard:
    """A change, and the machine that told it."""

    way: str
    change: Change


News = Told | Ended | Heard


def ways_to(machines: Machines) -> list[Way]:
    """The ways to the cluster: over SSH to each machine that may be the tunnel, or none of it."""
    if not isinstance(machines, FromOutside):
        return [Way("this machine", [*STREAM, "stream"])]
    tunnel, words = machines.tunnel, [*STREAM, *machines.etcd_options, "stream"]
    # It asks nothing: the screen is drawn where ssh would ask.
    options = replace(tunnel.options, batch=True)
    hosts = (tunnel.host, *tunnel.others)
    return [Way(host.name, options.command(host, words, flags=["-T"])) for host in hosts]


class Link(Thread):
    """Link to the cluster: tells what comes, in its own thread, until it is closed."""

    def __init__(self, ways: Sequence[Way], tell: Callable[[News], None]) -> None:
        super().__init__(daemon=True)
        self._ways = ways
        self._tell = tell
        self._closed = Event()
        self._process: subprocess.Popen[str] | None = None

    def run(self) -> None:
        """See `Thread.run`."""
        following = cycle(self._ways)
        next(following)
        for way, after in zip(cycle(self._ways), following, strict=False):
            if self._closed.is_set():
                return
            heard, reason = self._follow(way)
            self._tell(Ended(way.name, reason, after.name, heard))
            if not heard:
                self._closed.wait(RETRY_SECONDS)

    def close(self) -> None:
        """End it."""
        self._closed.set()
        if self._process:
            self._process.terminate()

    def _follow(self, way: Way) -> tuple[bool, str]:
        """Whether a machine told anything, and why it does not go on."""
        try:
            process = begin(way.call)
        except OSError as error:
            return False, f"{way.call[0]}: {error.strerror}"
        with process:
            self._process = process
            if self._closed.is_set():
                process.terminate()
            said = list[str]()
            listener = Thread(target=self._listen, args=(process.stderr, said), daemon=True)
            listener.start()
            silence = Silence(process)
            silence.start()
            try:
                heard, fault = self._read(way, process, silence)
            finally:
                silence.stop()
            listener.join()
        last = (said or [f"it ended with exit code {process.returncode}"])[-1]
        return heard, silence.fault or fault or last

    def _read(
        self, way: Way, process: "subprocess.Popen[str]", silence: Silence
    ) -> tuple[bool, str]:
        heard = False
        for line in process.stdout or ():
            try:
                change = Change.from_json(line)
                silence.heard(change.every)
                self._tell(Heard(way.name, change))
                heard = True
            except BadLineError as error:
                process.terminate()
                return heard, f"it says what cannot be used: {error}"
        return heard, ""

    def _listen(self, stream: IO[str], said: list[str]) -> None:
        for line in stream:
            if text := line.strip():
                said[:] = [text]
                self._tell(Told(text))
