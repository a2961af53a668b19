"""An operator in a simulation: types `fleetctl rollout` and `undo` while the cluster goes on."""

import io
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.cli.origin import Origin
from fleet_cluster.fleet.fleetctl.commands.parser import parse
from fleet_cluster.fleet.fleetctl.commands.units import rollout, undo
from fleet_cluster.fleet.fleetctl.operations.context import Context
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.kv import KV, KVUnavailableError
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.sealer import FakeSealer
from tests.unit.fleet.fleetctl.small_cluster import FakeMachines, SmallCluster
from tests.unit.fleet.simulation.releases import Step

if TYPE_CHECKING:
    from tests.unit.fleet.simulation.world import World

PATIENCE_TICKS = 240
"""After a minute, an operator presses Ctrl-C."""


class _LiveWatcher(Watcher):
    """A watcher that lets the cluster go on while it waits."""

    def __init__(self, pass_time: Callable[[], None], store: KV, origin: Origin) -> None:
        super().__init__(store, origin)
        self._pass_time = pass_time

    def wait(self, seconds: float) -> None:
        self._pass_time()
        self._recover(0)


class Operator:
    """Types one command after the other. Each takes its time, in which the cluster goes on."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._typed: deque[Step] = deque()
        self._line = Connection(world.store, self._gate)
        self._left = 0
        """For how many ticks the command that runs may go on."""
        self._fail_in = 0
        self._said = ""
        """What the last command has printed."""

    def type(self, step: Step) -> None:
        """Have a command run when those before have ended."""
        self._typed.append(step)

    def interrupt(self) -> None:
        """Press Ctrl-C, if a command runs."""
        self._left = 0

    def lose_answer(self, gates: int) -> None:
        """Of the requests of fleetctl, lose one, or its answer."""
        self._fail_in = gates

    def work(self) -> None:
        """Run what was typed."""
        while self._typed and not self._world.watcher.violations:
            self.run(self._typed.popleft())

    def run(self, step: Step) -> bool:
        """Run a command to its end, or until the operator has had enough. Whether it was done."""
        releases = self._world.watcher.releases
        releases.begin(step)
        self._left = PATIENCE_TICKS
        try:
            is_done = self._fleetctl(step) == 0
        except (CtlError, KVUnavailableError, KeyboardInterrupt) as error:
            is_done = False
            self._said += f"{error!r}"
        self._world.stir()
        releases.end(step, is_done)
        return is_done

    def conclude(self, step: Step) -> None:
        """End what has stopped on its way, where all is well: nothing keeps that from being done.

        Where nothing waits, what all are to have is rolled out to all, as it may be half done.
        """
        releases = self._world.watcher.releases
        self._typed.clear()
        self._fail_in = 0
        if not self._world.watcher.violations:
            done = self.run(releases.closing(step))
            if not done and not self._world.watcher.violations:
                releases.complain(f"{' '.join(step.words)} is not done: {self._said}")

    def pass_time(self) -> None:
        """The command waits."""
        if self._left <= 0 or self._world.watcher.violations:
            raise KeyboardInterrupt
        self._left -= 1
        self._world.tick()

    def _fleetctl(self, step: Step) -> int:
        command, arguments = parse(step.words)
        sealer, origin = FakeSealer(), Origin("operator@laptop")
        machines = FakeMachines(SmallCluster())
        context = Context(lambda: self._line, machines, step.files, sealer=sealer, origin=origin)
        output = io.StringIO()
        try:
            with redirect_stdout(output), redirect_stderr(output), self._waiting():
                return command.run(context, arguments)
        finally:
            self._said = output.getvalue()

    @contextmanager
    def _waiting(self) -> Generator[None]:
        """Whoever waits lets the cluster go on."""
        patient = partial(_LiveWatcher, self.pass_time)
        with patch.object(rollout, "Watcher", patient), patch.object(undo, "Watcher", patient):
            yield

    def _gate(self, point: str) -> None:
        if self._world.ticks < self._world.outage_ends:
            raise KVUnavailableError(f"no leader: {point}")
        if self._fail_in:
            self._fail_in -= 1
            if not self._fail_in:
                raise KVUnavailableError(f"lost {point}")
