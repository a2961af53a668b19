"""A run of a command, from where it was typed: begun in the cluster, shown here, to its end."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock
from types import FrameType

from ...model.records import MachineState
from ...unitfiles.unitfile import parse
from ..cli.errors import CtlError, Exit
from ..cli.names import legend
from ..cli.origin import own_author
from ..cli.output import tell
from ..remote.machines import Machines
from ..remote.tunnel import INTERRUPTED, RemoteRequest
from .events import Ended, Placed, Request, from_line
from .follow import exit_code, explanation
from .output import Output, command, incomplete, no_way
from .unit_file import TransientUnit


class HungUpError(Exception):
    """The terminal has gone: nobody reads, and the run goes on."""


class Run:
    """A run of a transient unit."""

    def __init__(self, machines: Machines, unit: TransientUnit, id: str, on: str) -> None:
        """`id`: what this run of the unit is called; `on`: the machine, as the operator says it.

        Raises:
            CtlError, UnitFileError: it cannot be run anywhere.
        """
        self._machines = machines
        self._unit = unit
        self._request = Request(unit.name, id, unit.text(), on)
        parse(unit.name, self._request.text)
        self._lock = Lock()
        self._placed: dict[str, MachineState] = {}
        self._outputs: dict[str, Output | None] = {}
        self._ends: dict[str, Ended] = {}
        self._detaches = False
        self._fault = ""

    def run(self, detach: bool) -> int:
        """Run it: the exit code."""
        self._detaches = detach
        try:
            with _hang_up_is_told():
                code = self._begin()
        except KeyboardInterrupt:
            return self._interrupted()
        except HungUpError:
            return INTERRUPTED
        except CtlError as error:
            raise self._explained(error) from error
        if self._fault:
            raise self._explained(CtlError(self._fault))
        if code or detach:
            return code
        return max((exit_code(end) for end in self._ends.values()), default=int(Exit.FAILED))

    def _begin(self) -> int:
        request = RemoteRequest(document=self._request.to_json(), author=own_author())
        words = ["begin-run", *(["--detach"] if self._detaches else [])]
        return self._machines.have(words, request, self._take, resumes=True)

    def _take(self, line: str) -> None:
        try:
            event = from_line(line)
        except CtlError as error:
            self._fault = str(error)
            return
        if isinstance(event, Ended):
            self._end(event)
        elif not self._placed:
            self._place(event)

    def _place(self, event: Placed) -> None:
        self._placed = {machine.id: machine for machine in event.machines}
        if self._detaches:
            self._say_how_to_follow()
            return
        width = max((len(one.hostname) for one in event.machines), default=0)
        for machine in event.machines:
            prefix = f"{machine.hostname:{width}} | " if self._unit.on_all else ""
            self._outputs[machine.id] = self._open(machine, prefix)

    def _open(self, machine: MachineState, prefix: str) -> Output | None:
        script = command(self._unit.name, self._unit.identifier)
        try:
            return Output(self._machines.call(machine, script), prefix, self._lock)
        except CtlError as error:
            no_way(self._legend(machine.id), error)
            return None

    def _end(self, event: Ended) -> None:
        if event.machine in self._ends:
            return
        self._ends[event.machine] = event
        output = self._outputs.get(event.machine)
        if output and output.finish():
            incomplete(self._unit.name, self._legend(event.machine))
        said = explanation(event)
        if said or (self._unit.on_all and exit_code(event)):
            what = said or f"exit code {event.exit_code}"
            tell(f"{self._unit.name} on {self._legend(event.machine)}: {what}")

    def _interrupted(self) -> int:
        """Stop it, as `docker run` does; a second Ctrl-C leaves it."""
        name = self._unit.name
        tell(f"Stopping {name}. To leave it running: Ctrl-C once more")
        try:
            words = ["destroy", "--if-known", name]
            self._machines.have(words, RemoteRequest(author=own_author()), tell)
        except KeyboardInterrupt:
            tell(f"{name} may run on. To look: fleetctl runs {name}. {self._how_to_end()}")
        return INTERRUPTED

    def _say_how_to_follow(self) -> None:
        where = ", ".join(self._legend(id) for id in self._placed)
        name = self._unit.name
        print(f"{name} runs on {where}", flush=True)
        tell(
            f"What it says: fleetctl journal -f {name}. How it ends: fleetctl runs {name}. "
            f"{self._how_to_end()}"
        )

    def _how_to_end(self) -> str:
        return f"To end it: fleetctl destroy {self._unit.name}"

    def _explained(self, error: CtlError) -> CtlError:
        if not self._placed:
            return error
        name = self._unit.name
        return CtlError(
            f"{error}. {name} goes on. How it ends: fleetctl runs {name}. {self._how_to_end()}"
        )

    def _legend(self, machine: str) -> str:
        return legend(machine, self._placed)


@contextmanager
def _hang_up_is_told() -> Generator[None]:
    """A terminal that goes does not stop what Ctrl-C stops."""

    def hang_up(_number: int, _frame: FrameType | None) -> None:
        raise HungUpError

    before = signal.getsignal(signal.SIGHUP)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
