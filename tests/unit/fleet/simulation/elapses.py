"""What a simulation sees of timers with `Once=true`: no elapse is run twice, or passed over."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fleet_cluster.fleet.kv import Changes
from fleet_cluster.fleet.model.keys import RUN_REPORTS, RUNS, TIMERS
from fleet_cluster.fleet.model.runs import MISSED, Run, RunReport, Timer
from tests.unit.fleet.simulation.calendar import elapses

if TYPE_CHECKING:
    from tests.unit.fleet.simulation.world import Node, World

PENDING_SECONDS = 10.0
"""In a cluster that is well, an elapse is dealt with after this: a run may go on so long."""


@dataclass
class Elapses:
    """Sees every elapse that is handed out, taken and started."""

    world: "World"
    complain: Callable[[str], None]
    runs: dict[str, Run] = field(default_factory=dict[str, Run])
    """By unit and id, as it was handed out last."""
    taken: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    """By unit and id, the machine that took it, and when."""
    takes: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """How many runs of a unit a machine has taken, by machine and unit."""
    starts: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    timers: dict[str, Timer] = field(default_factory=dict[str, Timer])
    moved: dict[str, float] = field(default_factory=dict[str, float])
    """When each timer's record was written last."""

    def started(self, node: "Node", unit: str) -> None:
        """A unit's process starts: only for a run that its machine has taken."""
        here = node.id, unit
        self.starts[here] += 1
        if self.starts[here] > self.takes[here]:
            self.complain(f"{unit} is started on {node.id} more often than it has taken a run")

    def written(self, changes: Changes) -> None:
        """Somebody has written to the store."""
        for key, entry in changes.puts.items():
            if key.startswith(RUNS):
                self.runs[key.removeprefix(RUNS)] = Run.from_json(entry.value)
            elif key.startswith(RUN_REPORTS) and entry.create_revision == entry.mod_revision:
                self._take(key, RunReport.from_json(entry.value))
        for key, entry in changes.puts.items():
            if key.startswith(TIMERS):
                self._stamp(key.removeprefix(TIMERS), Timer.from_json(entry.value))

    def _take(self, key: str, report: RunReport) -> None:
        machine, unit, id = key.removeprefix(RUN_REPORTS).split("/")
        self.takes[machine, unit] += 1
        before = self.taken.setdefault(f"{unit}/{id}", (machine, report.started))
        if before != (machine, report.started):
            self.complain(f"{machine} takes {unit}/{id}, which {before[0]} has taken before")

    def restored(self) -> None:
        """An operator has put data of before back by hand: what was done since is not known."""
        self.runs.clear()
        self.taken.clear()
        self.timers.clear()

    def _stamp(self, name: str, timer: Timer) -> None:
        """The stamp moves: every elapse that it passes over was handed out, or is told of."""
        before, self.timers[name] = self.timers.get(name), timer
        self.moved[name] = self.world.clock()
        if before is None or not timer.is_running or not before.is_running:
            return
        if (before.data, before.sha) != (timer.data, timer.sha):
            return
        unit = name.replace(".timer", ".service")
        due = before.stamp
        while (due := elapses([self._calendar(name)], due)[0]) <= timer.stamp:
            if not self._is_told(unit, due):
                self.complain(f"the elapse of {name} at {due} is passed over")

    def _is_told(self, unit: str, due: float) -> bool:
        if f"{unit}/{due:.0f}" in self.runs:
            return True
        mine = [run for id, run in self.runs.items() if id.startswith(unit)]
        return any(run.due <= due <= run.until for run in mine)

    def _calendar(self, name: str) -> str:
        text = self.world.wanted.get(name, ("OnCalendar=10s\n",))[0]
        return text.partition("OnCalendar=")[2].partition("\n")[0]

    def check_end(self) -> None:
        """The cluster is well: nothing was missed."""
        for id, run in self.runs.items():
            if run.outcome == MISSED:
                self.complain(f"{id} was missed: {run}")

    def overdue(self) -> list[str]:
        """The timers that have stopped; one that makes up for many is on its way."""
        now, found = self.world.clock(), list[str]()
        for name in self.world.clocked():
            value = self.world.store.value(TIMERS + name)
            timer = Timer.from_json(value) if value else Timer()
            is_moving = now - self.moved.get(name, 0.0) < 2 * PENDING_SECONDS
            if timer.next < now - PENDING_SECONDS and not is_moving:
                found.append(f"{name} has stopped to elapse at {now}: {timer}")
        return found
