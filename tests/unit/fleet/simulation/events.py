"""What can happen to a cluster. An event is data, so that a history can be told, cut and replayed.

An event ends what it begins: a history stays one when any of its events is left out.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fleet_cluster.fleet.fleetctl.operations.machines.rebalance import planned
from fleet_cluster.fleet.fleetctl.state.watcher import read_state
from fleet_cluster.fleet.model.records import DesiredState, Eligibility, Move
from tests.unit.fleet.fakes.units import ENDS, SLEEPS
from tests.unit.fleet.simulation.node import TICK, TTL, Node
from tests.unit.fleet.simulation.releases import RELEASED, TEMPLATE, VARIANTS, Step, text_of
from tests.unit.fleet.simulation.world import World

TTL_TICKS = round(TTL / TICK)

UNITS = [f"u{i}.service" for i in range(6)]
PARTICULAR = ["p0.service", "p1.service"]
"""Units that run only on a machine of one role."""

FENCED = "f.service"
"""A unit that must not run on a machine that is cut off."""

FIRST = "s.service"
"""A unit that is started where it moves to before it is stopped where it was."""

FOLLOWER = "t.service"
"""One that goes with it."""

JOB = "j.service"
"""A unit that ends by itself, at once."""

LARGE = [f"w{i}.service" for i in range(3)]
"""Units of which no machine has room for two; some are started first when they move."""

SCHEDULED, CLOCK = "n.service", "n.timer"
"""A unit of which the cluster runs each elapse of its timer once."""

EVERYWHERE = "g.service"
"""A Global unit."""

ROLES = ["a", "b"]
MACHINES = ["m1", "m2", "m3"]
GAPS = (1, 1, 2, 4, 8, 20, 60, 140)
"""Ticks between two events: from almost at once to longer than any fault is felt."""


@dataclass(frozen=True)
class Event:
    """Something that happens at a tick."""

    tick: int
    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([str(self.tick), self.name, *self.arguments])

    @classmethod
    def parse(cls, text: str) -> "Event":
        """The inverse of `str`."""
        tick, name, *arguments = text.split()
        if name not in EVENTS:
            raise ValueError(f"{name!r} is no event; allowed: {', '.join(EVENTS)}")
        return cls(int(tick), name, tuple(arguments))


def history(seed: int, length: int) -> list[Event]:
    """The events of the history with this seed."""
    rng = random.Random(seed)
    names = list(EVENTS)
    weights = [EVENTS[name].weight for name in names]
    tick = 20
    events: list[Event] = []
    for _ in range(length):
        tick += rng.choice(GAPS)
        (name,) = rng.choices(names, weights)
        arguments = [rng.choice(choices) for choices in EVENTS[name].arguments]
        events.append(Event(tick, name, tuple(map(str, arguments))))
    return events


def happen(world: World, event: Event) -> None:
    """Let it happen."""
    EVENTS[event.name].action(world, *event.arguments)


def begin(world: World) -> None:
    """What a user wants of the cluster before anything happens."""
    for node, role in zip(world.nodes, "aba", strict=True):
        node.metadata = {"role": role}
    for unit in UNITS[:4]:
        world.want(unit, SLEEPS)
    for unit in PARTICULAR:
        world.want(unit, SLEEPS + "[X-Fleet]\nMachineMetadata=role=a\n")
    world.want(FENCED, SLEEPS + "[X-Fleet]\nFence=true\n")
    world.want(EVERYWHERE, SLEEPS + "[X-Fleet]\nGlobal=true\n")


def heal(world: World) -> None:
    """End all faults and drains, and write the desired state again, so that there is room."""
    world.end_faults()
    if "Memory=4" in world.wanted[EVERYWHERE][0]:
        enlarge_global(world, "2")
    for machine in MACHINES:
        uncordon(world, machine)
    for node, role in zip(world.nodes, "aba", strict=True):
        if node.metadata != {"role": role}:
            node.relabel(role)
    apply_all(world)
    # What no machine reports yet can only be destroyed later.
    world.later(2 * TTL_TICKS, lambda: apply_all(world))


def apply_all(world: World) -> None:
    """What `pulumi up` does: write the desired state. What is unknown and runs is destroyed."""
    for unit in world.wanted:
        world.apply(unit)
    for unit in sorted(world.names - world.wanted.keys()):
        world.dismiss(unit)


# --- what a user does


def change(world: World, unit: str, variant: str) -> None:
    world.want(unit, f"{SLEEPS}# {variant}\n")


def stop(world: World, unit: str) -> None:
    if unit in world.wanted:
        world.want(unit, world.wanted[unit][0], DesiredState.INACTIVE)


def destroy(world: World, unit: str) -> None:
    world.destroy(unit)


def relabel(world: World, machine: str, role: str) -> None:
    world.node(machine).relabel(role)


def pair(world: World) -> None:
    """Units that move together, and start first."""
    world.want(FIRST, f"{SLEEPS}[X-Fleet]\nStartFirst=true\n")
    world.want(FOLLOWER, f"{SLEEPS}[X-Fleet]\nStartFirst=true\nMachineOf={FIRST}\n")


def job(world: World, variant: str) -> None:
    """Something is to be done once."""
    world.want(JOB, f"{ENDS}# {variant}\n")


def schedule(world: World, seconds: str) -> None:
    """Something is to be done every few seconds, once in the cluster."""
    world.want(SCHEDULED, f"{ENDS}# every {seconds}\n", DesiredState.INACTIVE)
    world.want(CLOCK, f"[Timer]\nOnCalendar={seconds}s\n[X-Fleet]\nOnce=true\n")


def last(world: World, ticks: str) -> None:
    """The process of what is scheduled takes so long from now on."""
    for node in world.nodes:
        node.systemd.lasting[SCHEDULED] = int(ticks) * TICK


def enlarge(world: World, unit: str) -> None:
    first = LARGE.index(unit) % 2 == 0
    world.want(unit, f"{SLEEPS}[X-Fleet]\nMemory=3\nStartFirst={str(first).lower()}\n")


def enlarge_global(world: World, memory: str) -> None:
    """With 4, a machine that it shares with a large one has less than is reserved there."""
    world.want(EVERYWHERE, f"{SLEEPS}[X-Fleet]\nGlobal=true\nMemory={memory}\n")


def christen(world: World, unit: str) -> None:
    """It is found by a name from now on."""
    first = str(unit in UNITS[::2]).lower()
    label = unit.partition(".")[0]
    world.want(unit, f"{SLEEPS}[X-Fleet]\nName={label}:80\nStartFirst={first}\n")


def establish(world: World) -> None:
    """A template with instances, and a Global unit, of which there will be other releases."""
    for name, members in RELEASED.items():
        world.watcher.releases.establish(name)
        for member in {name, *members}:
            target = DesiredState.INACTIVE if member == TEMPLATE else DesiredState.LAUNCHED
            world.write(member, text_of(name, 0), target)


def canary(world: World, name: str, size: str, variant: str) -> None:
    """`fleetctl rollout --canary`."""
    _type(world, Step("canary", name, int(variant), int(size)))


def go_on(world: World, name: str) -> None:
    """`fleetctl rollout --continue`."""
    _type(world, Step("go_on", name))


def back(world: World, name: str) -> None:
    """`fleetctl rollout --back`."""
    _type(world, Step("back", name))


def undo(world: World, name: str) -> None:
    """`fleetctl undo`."""
    _type(world, Step("undo", name))


def _type(world: World, step: Step) -> None:
    if step.name in world.watcher.releases.progress:
        world.operator.type(step)


def interrupt(world: World) -> None:
    """The operator presses Ctrl-C."""
    world.operator.interrupt()


def lose_operators_answer(world: World, gates: str) -> None:
    """One request of fleetctl is lost, or its answer is."""
    world.operator.lose_answer(int(gates))


def closing(world: World) -> list[Step]:
    """With what an operator ends all releases that have stopped on their way."""
    progress = world.watcher.releases.progress
    return [Step(("go_on", "back")[(world.seed + n) % 2], name) for n, name in enumerate(progress)]


def cordon(world: World, machine: str) -> None:
    """It gets no new units."""
    world.mark(machine, Eligibility())


def drain(world: World, machine: str, force: str) -> None:
    """Its units are to leave; by force also those that fit nowhere else."""
    world.mark(machine, Eligibility(draining=True, force=force == "force"))


def uncordon(world: World, machine: str) -> None:
    world.mark(machine, None)


def rebalance(world: World) -> None:
    """Move what evens out the machines, as `fleetctl rebalance` has it."""
    for step in planned(read_state(world.store)).relocations:
        world.move(step.unit, step.move)


def move(world: World, unit: str, machine: str) -> None:
    """Move a unit, whether that is wise or not."""
    source = read_state(world.store).placements().get(unit)
    if source:
        world.move(unit, Move(source, world.node(machine).id))


# --- what happens to a fleetd, and to its machine


def kill(world: World, machine: str, gates: str) -> None:
    """At its next read or write but so many."""
    world.node(machine).kill_in = int(gates)


def pause(world: World, machine: str, gates: str, ticks: str) -> None:
    """SIGSTOP between two reads or writes, SIGCONT later."""
    node = world.node(machine)
    node.pause_in, node.pause_ticks, node.renews_in_pause = int(gates), int(ticks), False


def hang(world: World, machine: str, gates: str, ticks: str) -> None:
    """The loop stands still, the lease is kept alive."""
    node = world.node(machine)
    node.pause_in, node.pause_ticks, node.renews_in_pause = int(gates), int(ticks), True


def freeze(world: World, machine: str, ticks: str) -> None:
    """The whole machine stands still, and its units with it."""
    world.node(machine).begin("frozen", int(ticks))


def power(world: World, machine: str, ticks: str) -> None:
    """The machine loses power, and boots later."""
    _go_down(world, machine, ticks, Node.power_on)


def replace(world: World, machine: str, ticks: str) -> None:
    """The machine is gone for good; one with its address comes later."""
    _go_down(world, machine, ticks, Node.replace)


def _go_down(world: World, machine: str, ticks: str, come: Callable[[Node], None]) -> None:
    """The machine is off; if nothing else has switched it on by then, this does."""
    node = world.node(machine)
    if node.on:
        world.note_loss(node)
        world.watcher.cut_off(node.id)
        node.power_off()
        world.later(int(ticks), lambda: come(node) if not node.on else None)


def fill(world: World, machine: str, ticks: str) -> None:
    """/run of the machine has no room but that which fleetd has kept for its notes."""
    world.node(machine).begin("full", int(ticks))


def jump(world: World, machine: str, seconds: str) -> None:
    """The machine's time of day is set."""
    world.node(machine).wall += float(seconds)


# --- what happens between a machine and the store


def cut(world: World, machine: str, ticks: str) -> None:
    """Nothing gets through."""
    world.node(machine).begin("cut", int(ticks))


def mute(world: World, machine: str, ticks: str) -> None:
    """Requests are lost on their way; watches still deliver."""
    world.node(machine).begin("mute", int(ticks))


def deaf(world: World, machine: str, ticks: str) -> None:
    """Requests arrive, and nothing comes back."""
    world.node(machine).begin("deaf", int(ticks))


def lag(world: World, machine: str, ticks: str) -> None:
    """What watches deliver is late."""
    world.node(machine).begin("lag", int(ticks))


def lose_watches(world: World, machine: str) -> None:
    world.node(machine).line.hang_up()


def repeat(world: World, machine: str, changes: str) -> None:
    """Watches deliver again what they delivered before."""
    world.node(machine).line.repeat(int(changes))


def lose_answer(world: World, machine: str, gates: str) -> None:
    """One request is lost, or its answer is: it may have happened."""
    world.node(machine).fail_in = int(gates)


def late_commit(world: World, machine: str, commits: str, ticks: str) -> None:
    """One commit seems to have failed, and is done later."""
    node = world.node(machine)
    node.late_in, node.late_ticks = int(commits), int(ticks)


def lose_lease(world: World, machine: str) -> None:
    """An operator revokes it."""
    world.watcher.cut_off(machine)
    world.store.revoke(world.lease_of(machine))


# --- what happens to the store


def outage(world: World, ticks: str) -> None:
    """No majority; leases stand still meanwhile."""
    world.begin_outage(int(ticks))


def read_only(world: World, ticks: str) -> None:
    """Writes are refused but for deletes: its data have reached their limit."""
    for node in world.nodes:
        node.begin("read only", int(ticks))


def wipe(world: World, ticks: str) -> None:
    """All data is lost, and with it the history; `pulumi up` comes later."""
    world.wipe()
    world.later(int(ticks), lambda: apply_all(world))


def empty(world: World, ticks: str) -> None:
    """All keys are deleted; leases and the history stay."""
    world.empty()
    world.later(int(ticks), lambda: apply_all(world))


def save(world: World) -> None:
    world.snapshot = world.store.read("")


def restore(world: World, ticks: str, identity: str) -> None:
    """Back to the snapshot, with the cluster's id or another one."""
    if world.snapshot:
        world.restore(world.snapshot, other_id=identity == "other")
        world.later(int(ticks), lambda: apply_all(world))


@dataclass(frozen=True)
class _Kind:
    action: Callable[..., None]
    arguments: Sequence[Sequence[object]] = ()
    """What each argument is chosen from."""
    weight: int = 1
    """0: only where a test puts it in, so that the histories of all seeds stay what they are."""


_GATES, _FEW = range(1, 40), range(1, 20)
_PAUSES = (1, 1, 2, 4, 60)
_SHORT_TO_LONG = (1, 4, 12, 30, 50, 90)

EVENTS: dict[str, _Kind] = {
    kind.action.__name__: kind
    for kind in (
        _Kind(change, [UNITS, range(3)]),
        _Kind(stop, [[*UNITS, *PARTICULAR, FENCED, FOLLOWER]]),
        _Kind(destroy, [UNITS]),
        _Kind(relabel, [MACHINES, ROLES]),
        _Kind(pair),
        _Kind(job, [range(3)]),
        _Kind(cordon, [MACHINES]),
        _Kind(drain, [MACHINES, ("gently", "gently", "force")], 2),
        _Kind(uncordon, [MACHINES], 2),
        _Kind(rebalance),
        _Kind(move, [[*UNITS, *PARTICULAR, FENCED, FIRST, FOLLOWER], MACHINES]),
        _Kind(kill, [MACHINES, _GATES], 2),
        _Kind(pause, [MACHINES, _GATES, _PAUSES], 2),
        _Kind(hang, [MACHINES, _GATES, _PAUSES]),
        _Kind(freeze, [MACHINES, _SHORT_TO_LONG]),
        _Kind(power, [MACHINES, _SHORT_TO_LONG], 2),
        _Kind(replace, [MACHINES, _SHORT_TO_LONG]),
        _Kind(jump, [MACHINES, (-3600, -1, 1, 3600)]),
        _Kind(cut, [MACHINES, _SHORT_TO_LONG], 2),
        _Kind(mute, [MACHINES, _SHORT_TO_LONG]),
        _Kind(deaf, [MACHINES, _SHORT_TO_LONG]),
        _Kind(lag, [MACHINES, _SHORT_TO_LONG]),
        _Kind(lose_watches, [MACHINES]),
        _Kind(repeat, [MACHINES, _FEW]),
        _Kind(lose_answer, [MACHINES, _FEW]),
        _Kind(late_commit, [MACHINES, (1, 2, 3), (1, 2, 4, 8, 20)], 2),
        _Kind(lose_lease, [MACHINES]),
        _Kind(outage, [_SHORT_TO_LONG]),
        _Kind(read_only, [_SHORT_TO_LONG]),
        _Kind(wipe, [_SHORT_TO_LONG]),
        _Kind(empty, [_SHORT_TO_LONG]),
        _Kind(save),
        _Kind(restore, [_SHORT_TO_LONG, ("same", "other")]),
        _Kind(fill, [MACHINES, _SHORT_TO_LONG], 0),
        _Kind(christen, [[*UNITS]], 0),
        _Kind(enlarge, [LARGE], 0),
        _Kind(schedule, [(5, 10, 20)], 0),
        _Kind(last, [(1, 4, 12, 30)], 0),
        _Kind(enlarge_global, [(2, 4)], 0),
        _Kind(establish, [], 0),
        _Kind(canary, [[*RELEASED], (1, 2, 3), VARIANTS], 0),
        _Kind(go_on, [[*RELEASED]], 0),
        _Kind(back, [[*RELEASED]], 0),
        _Kind(undo, [[*RELEASED]], 0),
        _Kind(interrupt, [], 0),
        _Kind(lose_operators_answer, [_FEW], 0),
    )
}
