"""Journals of several units and machines, printed as one."""

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

from ...model.records import MachineState
from ..cli.errors import CtlError, Exit
from ..cli.output import notice_if_slow, tell
from ..remote.machines import Located, Machines
from ..remote.tunnel import SSH_FAILED
from .entry import Entry
from .order import Window, in_order
from .source import Source, announced, silent

NO_MATCH = 1
"""journalctl's exit code where `--grep` finds nothing."""


class MergedJournal:
    """The journals of units on machines; use it in a `with` statement, which ends them."""

    def __init__(self, machines: Machines, say: Callable[[Entry], None]) -> None:
        """`machines`: as this computer reaches them. `say`: prints an entry."""
        self._machines = machines
        self._say = say
        self._answers: SimpleQueue[Source] = SimpleQueue()
        self._sources: list[Source] = []
        self._late: list[Source] = []
        self._codes: list[int] = []

    def __enter__(self) -> "MergedJournal":
        return self

    def __exit__(self, *_: object) -> None:
        for source in self._sources:
            source.end()

    def start(self, located: Sequence[Located], command: Callable[[list[str]], list[str]]) -> None:
        """Ask each machine for the entries of its units; a machine without a way there is told.

        `command`: the call of journalctl for units, with its `--output=json`.
        """
        on: dict[str, list[Located]] = {}
        for found in located:
            on.setdefault(found.machine.id, []).append(found)
        for there in on.values():
            self._ask(there[0].machine, [found.unit for found in there], command)
        with notice_if_slow("Waiting for the machines: not all have an SSH connection yet."):
            self._late = silent(self._sources, self._answers)

    def print(self, limit: str) -> int:
        """Print the last so many entries by time, or `all` of them: the exit code."""
        for source in self._late:
            tell(f"{_name(source.machine)} does not answer: its lines are missing")
            source.end()
            self._codes.append(SSH_FAILED)
        heard = [source for source in self._sources if source not in self._late]
        for entry in in_order([source.entries() for source in heard], limit):
            self._say(entry)
        return _code([*self._codes, *(source.finish() for source in heard)])

    def follow(self) -> int:
        """Print entries as they come, until all connections have ended: the exit code."""
        for source in self._late:
            tell(f"{_name(source.machine)} does not answer: its lines come when it does")
        arrivals: SimpleQueue[Entry | Source] = SimpleQueue()
        for source in self._sources:
            Thread(target=_pump, args=(source, arrivals), daemon=True).start()
        self._print_arrivals(arrivals)
        return _code([*self._codes, *(source.finish() for source in self._sources)])

    def _ask(
        self, machine: MachineState, units: list[str], command: Callable[[list[str]], list[str]]
    ) -> None:
        try:
            call = self._machines.call(machine, announced(command(units)))
        except CtlError as error:
            tell(f"The lines of {_name(machine)} are missing: {error}")
            self._codes.append(Exit.FAILED)
            return
        self._sources.append(Source(call, machine, units, self._answers.put))

    def _print_arrivals(self, arrivals: "SimpleQueue[Entry | Source]") -> None:
        window, following = Window(), len(self._sources)
        while following or window.wait(monotonic()) is not None:
            try:
                one = arrivals.get(timeout=window.wait(monotonic()))
            except Empty:
                one = None
            if isinstance(one, Source):
                following -= 1
                if one.answered:
                    tell(f"The connection to {_name(one.machine)} has ended: no more lines of it")
            elif one:
                window.add(one, monotonic())
            for entry in window.due(monotonic()):
                self._say(entry)


def _pump(source: Source, arrivals: "SimpleQueue[Entry | Source]") -> None:
    for entry in source.entries():
        arrivals.put(entry)
    arrivals.put(source)


def _name(machine: MachineState) -> str:
    return f"{machine.hostname} ({machine.address})"


def _code(codes: Sequence[int]) -> int:
    """The exit code: of a failure; that nothing matches only where nothing does anywhere."""
    failures = [code for code in codes if code not in (Exit.DONE, NO_MATCH)]
    return max(failures, default=min(codes, default=int(Exit.FAILED)))
