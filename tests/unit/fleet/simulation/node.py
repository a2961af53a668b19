"""One machine in memory: what survives its fleetd, the fleetd, and all that can go wrong there."""

import math
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.etcd.watch import LIVENESS_SECONDS
from fleet_cluster.fleet.fleetd.environment import Environment
from fleet_cluster.fleet.fleetd.loop import Fleetd
from fleet_cluster.fleet.kv import KVRefusedError, KVUnavailableError
from fleet_cluster.fleet.model.records import MachineState
from fleet_cluster.fleet.systemd.fence import Fence
from tests.unit.fleet.fakes.clock import MemoryFile
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.systemd import FakeSystemd
from tests.unit.fleet.simulation.calendar import elapses

if TYPE_CHECKING:
    from tests.unit.fleet.simulation.world import World

TTL = 10
RETURN_SECONDS = 1.0
"""In which a machine that was cut off stops what runs elsewhere by now."""

TICK = 0.25
DOWN_TICKS, UP_TICKS = 2, 24
"""How long after it is told a machine that reboots is down, and up again."""

MEMORY = 5
"""Bytes that a machine has: room for one unit that wants three."""


Software = Callable[[MachineState, Config, Environment], Fleetd]


class KilledError(BaseException):
    """fleetd's process ends here. No `except Exception` sees it."""


@dataclass
class Node:
    """One machine. A *gate* is a point before or after a read or a write of its fleetd."""

    name: str
    """What events call it; a machine that replaces it has the same name and address."""
    world: "World"
    replaced: int = 0
    """How many machines had this name before."""
    fleetd: Fleetd | None = None
    software: Software = Fleetd
    """The version of fleetd that starts here next."""
    on: bool = True
    """Whether the machine has power."""
    kill_in: int = 0
    """fleetd is killed at this many gates from now; 0: not."""
    fail_in: int = 0
    """The store's answer is lost at this many of its gates from now; 0: not."""
    late_in: int = 0
    """This many commits from now, one seems to fail and is done later; 0: not."""
    late_ticks: int = 0
    """How many ticks later."""
    pause_in: int = 0
    """fleetd stands still at this many gates from now, while the others go on; 0: not."""
    pause_ticks: int = 0
    """For how many ticks it then stands still."""
    renews_in_pause: bool = False
    """Whether its lease is kept alive meanwhile."""
    paused: bool = False
    renewing: bool = False
    wall: float = 0.0
    """By how many seconds the machine's time of day is off."""
    booted_at: float = 0.0
    reboots: int = 0
    """How often its fleetd was told to reboot it."""
    boots: bool = True
    """Whether it comes back when it reboots."""
    faults: dict[str, int] = field(default_factory=dict[str, int])
    """What goes wrong for a time, and the tick at which it ends."""
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    renew_at: float = 0.0
    step_at: float = 0.0
    restart_at: float = 0.0
    disturbed_at: float = 0.0
    gates: int = 0
    """How many gates have been passed since fleetd was made."""
    woken: bool = True
    lagging_for: float = 0.0
    """For how many seconds its watches have kept back what they know."""
    unannounced_for: float = 0.0
    """For how many seconds the store has not had the machine's key."""
    frozen_at: float = -math.inf
    """When the machine last stood still as a whole."""
    returned_at: float = -math.inf
    """When it was last announced after it had not been for long."""

    def __post_init__(self) -> None:
        self.systemd = FakeSystemd(lambda: self.world.clock() + self.wall, self._gate)
        self.systemd.on_start = lambda name: self.world.watcher.started(self, name)
        self.systemd.on_stop = lambda name: self.world.watcher.stopped(self, name)
        self.systemd.on_end = lambda name: self.world.watcher.done(self, name)
        self.line = Connection(self.world.store, self._store_gate, self._is_late)
        self.lease_file = MemoryFile(self._lease_gate)
        self.checkpoint_file = MemoryFile(self._gate)
        self.fence = Fence(lambda: self.lease_file.text, self.clock, _FencedUnits(self))

    @property
    def id(self) -> str:
        """The machine's id."""
        return f"{self.name}.{self.replaced}" if self.replaced else self.name

    def clock(self) -> float:
        """Seconds since the machine booted, like CLOCK_BOOTTIME."""
        return self.world.clock() - self.booted_at

    def begin(self, fault: str, ticks: int) -> None:
        """Something goes wrong for so many ticks."""
        self.faults[fault] = max(self.world.ticks + ticks, self.faults.get(fault, 0))
        self.feel_faults()

    def has(self, fault: str) -> bool:
        """Whether this goes wrong now."""
        return fault in self.faults

    def end_faults(self) -> None:
        """All is well again."""
        self.faults.clear()
        self.kill_in = self.fail_in = self.late_in = self.pause_in = 0
        self.feel_faults()

    def feel_faults(self) -> None:
        """Let the connection be as the faults of this tick have it."""
        self.faults = {name: end for name, end in self.faults.items() if end > self.world.ticks}
        if self.has("frozen"):
            self.frozen_at = self.world.clock()
        if self.has("cut") and self.line.up:
            self.line.cut()
        self.line.up = not self.has("cut")
        self.line.mute, self.line.deaf = self.has("mute"), self.has("deaf")
        full = self.has("full")
        self.lease_file.tight = self.checkpoint_file.tight = self.systemd.full = full
        self._feel_lag()
        if self.faults or not self.on or self.paused or self.fleetd is None:
            self.disturbed_at = self.world.clock()

    def _feel_lag(self) -> None:
        """A watch that is silent for long is found to be dead: see `etcd/watch.py`."""
        late = self.has("lag") or self.has("deaf")
        self.lagging_for = self.lagging_for + TICK if late else 0.0
        if late:
            self.line.lag()
        if self.lagging_for > 2 * LIVENESS_SECONDS:
            self.line.hang_up()
        if not late or self.lagging_for > 2 * LIVENESS_SECONDS:
            self.line.catch_up()

    def note_announced(self, is_announced: bool) -> None:
        """Whether the store has the machine's key at this tick."""
        if is_announced and self.unannounced_for > TTL / 2:
            self.returned_at = self.world.clock()
        self.unannounced_for = 0.0 if is_announced else self.unannounced_for + TICK

    def is_away(self) -> bool:
        """Whether it is cut off, or back so recently that it may not have stopped its copies.

        Where the store was emptied meanwhile, it has them until the leader knows what runs where.
        """
        patience = TTL + RETURN_SECONDS if self.distrusts() else RETURN_SECONDS
        is_back = self.world.clock() - self.returned_at > patience
        return self.unannounced_for > TTL / 2 or not is_back

    def has_just_thawed(self) -> bool:
        """Whether it stands still, or did until its fence could have acted."""
        return self.world.clock() - self.frozen_at <= RETURN_SECONDS

    def undisturbed_for(self) -> float:
        """For how many seconds nothing has gone wrong here."""
        return self.world.clock() - max(self.disturbed_at, self.world.stirred_at)

    def turn(self) -> None:
        """Do what is due now."""
        if not self.on or self.has("frozen"):
            return
        if self.paused:
            if self.renews_in_pause and self.fleetd and not self.renewing:
                self._renew_if_due(self.fleetd)
            return
        try:
            if self.fleetd is None and self.world.clock() >= self.restart_at:
                self._boot_fleetd()
            if self.fleetd:
                self._run(self.fleetd)
        except KilledError:
            self.kill()

    def guard(self) -> None:
        """Let the fence look: a process of its own, whatever is with fleetd."""
        if self.on and not self.has("frozen"):
            self.fence.step()

    def work(self) -> None:
        """Let systemd do its jobs."""
        if self.on and not self.has("frozen"):
            self.systemd.work()

    def knows_the_store(self) -> bool:
        """Whether its fleetd has written down which store it follows."""
        text = self.checkpoint_file.text
        return bool(text) and '"cluster": ""' not in text

    def distrusts(self) -> bool:
        """Whether its fleetd holds all units as they are."""
        return '"wary": true' in self.checkpoint_file.text

    def kill(self) -> None:
        """End fleetd's process; systemd starts it again soon."""
        self.fleetd = None
        self.kill_in = 0
        self.line.hang_up()
        self.restart_at = self.world.clock() + TICK

    def relabel(self, role: str) -> None:
        """Give the machine another role; units that asked for the old one have to go."""
        self.metadata = {"role": role}
        for unit, (text, _) in self.world.wanted.items():
            if "role=" in text:
                self.world.watcher.told(unit)
        self.kill()

    def power_off(self) -> None:
        """The machine is gone until `power_on`."""
        self.kill()
        self.on = False
        self.systemd.reboot()
        self.lease_file.text = self.checkpoint_file.text = ""

    def replace(self) -> None:
        """Another machine takes its place, with the same address."""
        self.replaced += 1
        self.world.watcher.told_before(self.id)
        self.power_on()

    def reboot(self) -> None:
        """Go down soon, and boot some time later, if nothing keeps it from that."""
        self.reboots += 1
        self.world.later(DOWN_TICKS, self.power_off)
        self.world.later(UP_TICKS, lambda: self.power_on() if self.boots else None)

    def power_on(self) -> None:
        """Boot. A machine without a past cannot tell that the store is older than it should be."""
        self.on = True
        self.booted_at = self.world.clock()
        if self.world.clock() - self.world.restored_at < 2 * TTL:
            self.world.watcher.all_told()

    def _boot_fleetd(self) -> None:
        self.gates = 0
        self.renew_at = self.step_at = 0.0
        environment = Environment(
            store=self.line,
            systemd=self.systemd,
            clock=self.clock,
            lease_file=self.lease_file,
            checkpoint_file=self.checkpoint_file,
            wake=self._wake,
            wall_clock=lambda: self.world.clock() + self.wall,
            chance=self._chance,
            ask_members=lambda _since: {},
            reboot=self.reboot,
            elapses=elapses,
        )
        settings = Config(endpoints=("x",), agent_ttl=TTL, reconcile_interval=3600)
        self.fleetd = self.software(self._machine(), settings, environment)

    def _machine(self) -> MachineState:
        address = f"10.0.0.{self.name[1]}"
        return MachineState(
            self.id,
            address,
            self.name,
            self.metadata,
            "test",
            memory=MEMORY,
            takes_runs=True,
            boot=f"booted at {self.booted_at}",
        )

    def _run(self, fleetd: Fleetd) -> None:
        self._renew_if_due(fleetd)
        if self.woken or self.world.clock() >= self.step_at:
            self.woken = False
            self.step_at = self.world.clock() + fleetd.step()
            assert_foreseen(fleetd)

    def _renew_if_due(self, fleetd: Fleetd) -> None:
        if self.world.clock() < self.renew_at and not fleetd.lease.hurry.is_set():
            return
        fleetd.lease.hurry.clear()
        self.renewing = not self.paused
        try:
            self.renew_at = self.world.clock() + fleetd.lease.attempt()
        finally:
            self.renewing = False

    def _wake(self) -> None:
        self.woken = True

    def _chance(self) -> float:
        """The same at the same tick of the same history, whatever was cut out of it."""
        return random.Random(f"{self.world.seed} {self.id} {self.world.ticks}").random()  # noqa: S311

    def _gate(self, _point: str) -> None:
        if self.paused:
            return  # The lease's thread, while the loop stands still.
        self.gates += 1
        if self.kill_in:
            self.kill_in -= 1
            if not self.kill_in:
                raise KilledError
        if self.pause_in and not self.world.is_paused:
            self.pause_in -= 1
            if not self.pause_in:
                self._pause()

    def _lease_gate(self, point: str) -> None:
        """Who stands still here has the lease's lock: the lease's thread has to wait."""
        before, self.renewing = self.renewing, True
        try:
            self._gate(point)
        finally:
            self.renewing = before

    def _pause(self) -> None:
        self.paused = self.world.is_paused = True
        fleetd = self.fleetd
        for _ in range(self.pause_ticks):
            self.world.tick()
        self.paused = self.world.is_paused = False
        if not self.on or self.fleetd is None or self.fleetd is not fleetd:
            raise KilledError

    def _store_gate(self, point: str) -> None:
        self._gate(point)
        if self.has("read only") and point.startswith(("before commit", "before grant")):
            raise KVRefusedError("mvcc: database space exceeded")
        if self.fail_in:
            self.fail_in -= 1
            if not self.fail_in:
                raise KVUnavailableError(f"lost {point}")

    def _is_late(self, commit: Callable[[], object]) -> bool:
        """Keep a commit back, when it is the one's turn."""
        if not self.late_in:
            return False
        self.late_in -= 1
        if self.late_in:
            return False
        self.world.later(self.late_ticks, self.world.of_this_store(commit))
        return True


def assert_foreseen(fleetd: Fleetd) -> None:
    """Nothing was raised there that nobody foresaw, be it by one of the fakes."""
    faults = [fault for fault in fleetd.metrics.troubles.values() if "has a fault" in fault]
    assert not faults, faults


class _FencedUnits:
    """What the fence does to its machine's systemd."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def names(self) -> list[str]:
        return sorted(self._node.systemd.up())

    def up(self, seconds: float) -> dict[str, str]:
        return self._node.systemd.up()

    def stop(self, names: Collection[str], seconds: float) -> None:
        self._permit(names)
        self._node.systemd.fence(names)

    def kill(self, names: Collection[str]) -> set[str]:
        killed = self._node.systemd.up().keys() & set(names)
        self._permit(killed)
        self._node.systemd.kill(killed)
        return killed

    def kill_containers(self) -> set[str]:
        return set()

    def _permit(self, names: Collection[str]) -> None:
        for name in names:
            self._node.world.watcher.permit(self._node.id, name)
