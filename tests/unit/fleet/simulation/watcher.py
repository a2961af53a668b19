"""The promises, each checked by name while a history is played."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from fleet_cluster.fleet.engine.service_names import SHUTDOWN_DELAY
from fleet_cluster.fleet.kv import Changes
from fleet_cluster.fleet.model.keys import (
    INTERNAL,
    LEADER,
    SCHEDULE,
    schedule_key,
    split_key,
    state_key,
    unit_key,
)
from fleet_cluster.fleet.model.records import DesiredState
from fleet_cluster.fleet.model.service_records import ServiceRecord
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.simulation.elapses import Elapses
from tests.unit.fleet.simulation.node import MEMORY, TICK
from tests.unit.fleet.simulation.records import assignment_of, state_of
from tests.unit.fleet.simulation.releases import Releases

if TYPE_CHECKING:
    from tests.unit.fleet.simulation.world import Node, World

MOVE_SECONDS = 2.0
"""A lost machine's units run elsewhere within its lease and this."""

TRUTH_SECONDS = 3.0
"""An undisturbed machine's reports are right after this."""


class Promise(StrEnum):
    """What is promised (docs/architecture.md), as far as a simulation can see it."""

    STOPS_NOTHING = "a sick control plane stops nothing"
    ONCE = "a unit is started once for each instruction"
    ONE_MACHINE = "a unit is assigned to one machine"
    FENCED = "a unit with Fence=true is stopped before its machine's lease ends"
    STARTS_FIRST = "a unit with StartFirst is up elsewhere before it is stopped to move"
    IN_TIME = "a lost machine's units run elsewhere within its lease and 2 s"
    TRUTH = "status tells the truth"
    ROOM = "a machine is given no more than it has"
    EACH_ELAPSE = "each elapse of a timer with Once=true runs at most once, and none is missed"
    FOUND = "a unit is found by its name only while it is up, and no more when it is stopped"
    CANARY = "a canary stays one until it is gone on with or back from, and then all have one file"
    CONVERGES = "when things return, the cluster converges"


@dataclass(frozen=True)
class Violation:
    """A promise that was broken."""

    promise: Promise
    at: float
    """Seconds since the history began."""
    what: str

    def __str__(self) -> str:
        return f"at {self.at:.2f} s: {self.what} (promised: {self.promise})"


@dataclass
class Run:
    """A unit's process that is up on a machine."""

    node: str
    unit: str
    sha: str
    lease: int
    """The machine's lease when it was started; 0 when it had none."""
    began: float
    """When it was started."""


@dataclass
class Watcher:
    """Sees everything that happens and complains of what must not."""

    world: "World"
    runs: dict[tuple[str, str], Run] = field(default_factory=dict[tuple[str, str], Run])
    permitted: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """(machine, unit) that may be stopped: told by the user, or the machine was cut off."""
    released: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """(machine, unit) that may leave: since when its machine is drained, or it is to move."""
    ended: dict[str, float] = field(default_factory=dict[str, float])
    """When each unit last ended anywhere: what was up where it moves to may be lost there."""
    handed: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    """(unit, from, to) that the leader lets run on where they were until they are up there."""
    lived: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """(machine, unit) to the file that was started there since it was last told anything."""
    fallen: set[str] = field(default_factory=set[str])
    """The machines whose lease has ended by time, until they announce themselves again."""
    unfound: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """When (machine, unit) was last found no more."""
    assigned: bool = False
    """Whether the schedule has changed since it was checked."""
    wrong: dict[tuple[str, str, str], float] = field(
        default_factory=dict[tuple[str, str, str], float]
    )
    """Since when a machine (first) says what is not so (last) of a unit."""
    violations: list[Violation] = field(default_factory=list[Violation])

    def __post_init__(self) -> None:
        self.elapses = Elapses(self.world, lambda what: self.complain(Promise.EACH_ELAPSE, what))
        self.releases = Releases(self.world, lambda what: self.complain(Promise.CANARY, what))

    def started(self, node: "Node", unit: str) -> None:
        """A unit's process starts."""
        sha = sha_of(node.systemd.disk.get(unit, ""))
        run = Run(node.id, unit, sha, self.world.lease_of(node.id), self.world.clock())
        for other in self._copies(run) if unit not in self.world.triggered() else ():
            self._check_fence(run, other)
            handed = (unit, other.node, node.id) in self.handed
            if self._both_alive(run, other) and not handed:
                what = f"{unit} starts on {node.id} while it runs on {other.node}"
                self.complain(Promise.ONE_MACHINE, what)
        if unit in self.world.triggered():
            self.elapses.started(node, unit)
        elif self.lived.get((node.id, unit)) == sha:
            self.complain(Promise.ONCE, f"{unit} is started a second time on {node.id}")
        self.lived[node.id, unit] = sha
        self.runs[node.id, unit] = run
        self._check_room(node, unit)
        if self.world.is_told(node.id, unit, sha):
            self.permitted.discard((node.id, unit))
            self.released.pop((node.id, unit), None)
            self.world.note_departures()

    def _check_room(self, node: "Node", unit: str) -> None:
        """Whether a machine has room for what starts, beside what it runs and the store knows."""
        store, disk = self.world.store.entries, node.systemd.disk
        running = [one for on, one in self.runs if on == node.id]
        known = [u for u in running if unit_key(u) in store or schedule_key(node.id, u) in store]
        large = sorted(one for one in known if "Memory=3" in disk.get(one, ""))
        if unit in large and 3 * len(large) > MEMORY:
            self.complain(Promise.ROOM, f"{node.id} runs {', '.join(large)} at once")

    def _check_fence(self, run: Run, other: Run) -> None:
        """A machine that stands still as a whole stops it when it goes on."""
        is_fenced = "Fence=true" in self.world.wanted.get(run.unit, ("",))[0]
        stands_still = self.world.node(other.node).has_just_thawed()
        if is_fenced and other.node in self.fallen and not stands_still:
            what = f"{run.unit} starts on {run.node} while it runs on {other.node}"
            self.complain(Promise.FENCED, what)

    def done(self, node: "Node", unit: str) -> None:
        """A unit's process has ended by itself."""
        self.runs.pop((node.id, unit), None)

    def stopped(self, node: "Node", unit: str) -> None:
        """A unit's process ends."""
        run = self.runs.pop((node.id, unit), None)
        if unit in self.world.triggered():
            return
        self._check_found(node, unit)
        doubled = run is not None and any(self._copies(run))
        text = node.systemd.disk.get(unit, "")
        unfit = "role=" in text and f"role={node.metadata.get('role')}" not in text
        if doubled or unfit or (node.id, unit) in self.permitted or not node.on:
            self.lived.pop((node.id, unit), None)
        elif (node.id, unit) in self.released:
            self.lived.pop((node.id, unit), None)
            self._check_departure(node, unit, run)
        else:
            what = f"{unit} is stopped on {node.id} without an instruction"
            self.complain(Promise.STOPS_NOTHING, what)
        self.ended[unit] = self.world.clock()
        self.handed -= {one for one in self.handed if one[:2] == (unit, node.id)}

    def _check_found(self, node: "Node", unit: str) -> None:
        """Nobody is sent to a unit that its machine stops by order, nor was so just before.

        A machine that was lost or cut off may be told to stop at once: nobody was sent to it.
        """
        if not node.on:
            return
        if (node.id, unit) in self.world.names_given():
            self.complain(Promise.FOUND, f"{unit} is stopped on {node.id} while it is found there")
        ago = self.world.clock() - self.unfound.get((node.id, unit), -math.inf)
        if ago < SHUTDOWN_DELAY - TICK and node.undisturbed_for() > self.world.ttl:
            what = f"{unit} is stopped on {node.id} {ago:.2f} s after it was found there"
            self.complain(Promise.FOUND, what)

    def _check_departure(self, node: "Node", unit: str, run: Run | None) -> None:
        """A unit that moves has ended here and runs nowhere else.

        It may have been up there and ended: of a lost machine that is known when its lease ends.
        """
        was_known = run is not None and self.world.clock() - run.began > TRUTH_SECONDS
        was_up = self.ended.get(unit, -math.inf) > self.released[node.id, unit] - self.world.ttl
        if self.world.starts_first(unit) and was_known and not was_up:
            what = f"{unit} is stopped on {node.id} and runs nowhere"
            self.complain(Promise.STARTS_FIRST, what)

    def told(self, unit: str) -> None:
        """The user changes what is wanted of a unit."""
        for node in self.world.nodes:
            self.permit(node.id, unit)

    def told_before(self, machine: str) -> None:
        """A machine is new: that the user wants a unit nowhere holds there as well.

        A restored store may have it started there first, until the user says it again.
        """
        for unit in self.world.names:
            if self.world.wanted.get(unit, ("", DesiredState.INACTIVE))[1] is DesiredState.INACTIVE:
                self.permit(machine, unit)

    def all_told(self) -> None:
        """Any unit may be stopped."""
        for unit in self.world.names:
            self.told(unit)

    def cut_off(self, machine: str) -> None:
        """The machine's lease has ended: what it runs may be moved, and started again there."""
        for unit in self.world.names:
            self.permit(machine, unit)

    def written(self, changes: Changes) -> None:
        """Look what the leader says. Of two machines that run a unit it may tell one to stop it."""
        self.elapses.written(changes)
        self.releases.written(changes)
        said = {key: entry for key, entry in changes.puts.items() if key.startswith(SCHEDULE)}
        for key, entry in said.items():
            machine, unit = split_key(key, SCHEDULE)
            assignment = assignment_of(entry.value)
            if assignment.destination:
                self.handed.add((unit, machine, assignment.destination))
            if assignment.desired_state is DesiredState.INACTIVE:
                self.lived.pop((machine, unit), None)
                if any(self._copies(Run(machine, unit, "", 0, 0.0))):
                    self.permit(machine, unit)
        self.assigned |= bool(said)
        self._note_names(changes)
        if self.world.store.value(LEADER):  # Otherwise it is not the leader that deletes.
            for key in changes.deletes:
                if key.startswith(SCHEDULE):
                    self.lived.pop(split_key(key, SCHEDULE), None)

    def _note_names(self, changes: Changes) -> None:
        """Look who is found from now on, and who no more."""
        for key, entry in changes.puts.items():
            if key.startswith(INTERNAL):
                record = ServiceRecord.from_json(entry.value)
                node, place = self.world.node(record.machine), (record.machine, record.unit)
                if place not in self.runs and node.undisturbed_for() > TRUTH_SECONDS:
                    what = f"{record.unit} is found on {node.id}, where it is not up"
                    self.complain(Promise.FOUND, what)
        before = self.world.names_given()
        gone = {place for place, key in before.items() if key in changes.deletes}
        self.unfound |= dict.fromkeys(gone, self.world.clock())

    def release(self, machine: str, unit: str) -> None:
        """The operator wants this unit off this machine."""
        self.released.setdefault((machine, unit), self.world.clock())

    def permit(self, machine: str, unit: str) -> None:
        """This unit may be stopped on this machine, and started there again."""
        self.permitted.add((machine, unit))
        self.lived.pop((machine, unit), None)

    def look(self) -> None:
        """Check, between two steps, what must be so at any time."""
        if self.assigned:
            self._check_assignments()
        self.assigned = False
        self._check_moves()
        self.look_at_reports()
        self.releases.look()

    def check_convergence(self) -> None:
        """Check that the cluster is as the user wants it."""
        for difference in self.world.differences():
            self.complain(Promise.CONVERGES, difference)
        self.elapses.check_end()

    def _check_assignments(self) -> None:
        homes: dict[str, list[str]] = {}
        for (machine, unit), assignment in self.world.schedule().items():
            stays = (
                assignment.desired_state is not DesiredState.INACTIVE and not assignment.destination
            )
            if stays and not self.world.is_global(unit):
                homes.setdefault(unit, []).append(machine)
        for unit, machines in homes.items():
            if len(machines) > 1:
                what = f"{unit} is assigned to {' and '.join(sorted(machines))}"
                self.complain(Promise.ONE_MACHINE, what)

    def _check_moves(self) -> None:
        """Only a loss with nothing else going on has a promised time."""
        loss = self.world.lone_loss
        if loss is None or self.world.clock() < loss.at + self.world.ttl + MOVE_SECONDS:
            return
        self.world.lone_loss = None
        for unit in loss.units:
            if not any(run.unit == unit for run in self.runs.values()):
                what = f"{unit} of {loss.machine}, lost at {self.world.since(loss.at):.2f} s"
                self.complain(Promise.IN_TIME, f"{what}, runs nowhere")

    def look_at_reports(self) -> None:
        """Check what undisturbed machines say, also while another one stands still in a step."""
        now = self.world.clock()
        wrong: dict[tuple[str, str, str], float] = {}
        for node in self.world.nodes:
            if node.undisturbed_for() > 0:
                for unit, said in self._false_reports(node):
                    key = (node.id, unit, said)
                    wrong[key] = self.wrong.get(key, now)
        self.wrong = wrong
        for (machine, unit, said), since in wrong.items():
            if now - since > TRUTH_SECONDS:
                what = f"{machine} says of {unit} for {now - since:.2f} s: {said}"
                self.complain(Promise.TRUTH, what)

    def _false_reports(self, node: "Node") -> Iterator[tuple[str, str]]:
        """The units that are on the machine and reported otherwise, and how."""
        for unit in sorted(node.systemd.present()):
            entry = self.world.store.entries.get(state_key(node.id, unit))
            said = state_of(entry.value).active if entry else "nothing"
            if said != node.systemd.active(unit):
                yield unit, said

    def _copies(self, run: Run) -> Iterator[Run]:
        """Where else the unit runs, though it is to run on one machine only."""
        if not self.world.is_global(run.unit):
            yield from (
                other
                for other in self.runs.values()
                if other.unit == run.unit and other.node != run.node
            )

    def _both_alive(self, one: Run, other: Run) -> bool:
        """A machine that could not announce itself for long is as good as cut off.

        Its copy may run beside the new one, and stops when it is back.
        """
        leases = self.world.store.leases
        both = one.lease in leases and other.lease in leases
        return both and not any(self.world.node(run.node).is_away() for run in (one, other))

    def complain(self, promise: Promise, what: str) -> None:
        """Note that a promise was broken, once."""
        if not any(one.promise is promise and one.what == what for one in self.violations):
            self.violations.append(Violation(promise, self.world.since_start(), what))
