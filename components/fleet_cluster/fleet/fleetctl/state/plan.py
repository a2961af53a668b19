"""Plan of a change: what it will do, before anything is done (pure).

It asks those who will do it: the scheduler for placements, `rollout_order` for the batches.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ...cluster_state.placement import SERVING
from ...cluster_state.state import ClusterState
from ...kv import KeyValue, Snapshot
from ...model.keys import file_key, schedule_key, state_key, unit_key
from ...model.record import Record
from ...model.records import Assignment, DesiredState, Unit, UnitState
from ...unitfiles.dependencies import BINDING, dependencies
from ...unitfiles.quadlets.names import service_of
from ...unitfiles.unitfile import is_template, template_of
from .dead_units import dead_units
from .orphans import as_it_runs
from .planned_step import STARTING, PlannedAction, PlannedStep
from .rollout_order import RolloutOrder, changing, rollout_order
from .secret_versions import lacking
from .unit_state import is_active_on
from .unplaced import unplaced_reasons


@dataclass(frozen=True)
class Group:
    """Group of steps: of a unit, or of a template with its instances, which serve together."""

    unit: str
    steps: list[PlannedStep]
    active: int
    """How many run now; a Global unit counts on each of its machines."""
    lowest: int
    """The fewest that run at any time on the way."""


@dataclass(frozen=True)
class PlannedChange:
    """Change that is planned: units as they are to be."""

    wanted: Mapping[str, Unit]
    texts: Mapping[str, str]
    """The files that these name: SHA-256 to text."""
    destroyed: list[str] = field(default_factory=list[str])
    """Units that are to be destroyed."""
    destroyed_first: bool = False
    """Whether those go before the others come."""
    canaries: Collection[str] = ()
    """Templates and Global units of which only a canary gets its new file."""


@dataclass(frozen=True)
class ClusterPlan:
    """Plan of a change: what it will do."""

    steps: list[PlannedStep]
    groups: list[Group]
    refused: dict[str, str]
    """The units that could run nowhere, and why: then nothing at all is done."""
    canaries: Collection[str] = ()
    """Of these, no more happens until somebody goes on."""


def cluster_plan(
    change: PlannedChange, view: ClusterState, max_unavailable: int = 1
) -> ClusterPlan:
    """Plan of a change, in the order in which it will happen."""
    order = rollout_order(change.wanted, change.texts, view, max_unavailable)
    rolled = {name for batch in order.batches for name in batch}
    resting = {n for n in dead_units(change.wanted, view, with_finished=False) if n not in rolled}
    then = _then(change, view, resting)
    asked = _wanting_a_machine(change)
    refused = {name: why for name in asked if (why := unplaced_reasons(name, then))}
    refused |= lacking(change.wanted, change.texts, view)
    if refused:
        return ClusterPlan([], [], refused)
    now = as_it_runs(change.wanted, change.texts, view)
    steps = sorted(
        _steps(change, now, then, order, resting), key=lambda step: (step.batch, step.unit)
    )
    groups: defaultdict[str, list[PlannedStep]] = defaultdict(list)
    for step in steps:
        groups[template_of(step.unit) or step.unit].append(step)
    found = [_group(name, groups[name], now) for name in sorted(groups)]
    return ClusterPlan(steps, found, {}, change.canaries)


def afterwards(change: PlannedChange, view: ClusterState) -> ClusterState:
    """The cluster as it will be when a change is done, all its units up."""
    then = _then(change, view, dead_units(change.wanted, view, with_finished=False))
    records: dict[str, Record] = {unit_key(name): unit for name, unit in change.wanted.items()}
    for name, unit in _wanting_a_machine(change).items():
        for machine in _placements(name, then):
            records[schedule_key(machine, name)] = Assignment(unit.sha, unit.desired_state)
            up = UnitState("loaded", "active", "running", unit.sha)
            records[state_key(machine, name)] = up
    values = {key: record.to_json() for key, record in records.items()}
    values |= {file_key(sha): text for sha, text in change.texts.items()}
    new = {key: KeyValue(key, value, 1, 1) for key, value in values.items()}
    gone = {unit_key(name) for name in change.destroyed}
    gone |= {schedule_key(on, name) for name in change.wanted for on in view.homes(name)}
    kept = {key: entry for key, entry in view.entries.items() if key not in gone}
    return ClusterState.of(Snapshot(view.revision, kept | new))


def _wanting_a_machine(change: PlannedChange) -> dict[str, Unit]:
    return {
        name: unit
        for name, unit in change.wanted.items()
        if unit.desired_state is not DesiredState.INACTIVE
    }


def _then(change: PlannedChange, view: ClusterState, resting: Iterable[str]) -> ClusterState:
    """Where the units are placed: beside those that go, unless these go first.

    Those at rest are taken off their machines to be started anew, and may come to others.
    """
    gone = dict.fromkeys(change.destroyed) if change.destroyed_first else {}
    return view.preview({**gone, **change.wanted}, change.texts, frozenset(resting))


def _placements(name: str, then: ClusterState) -> list[str]:
    plan = then.plan()
    if name in plan.placements:
        return [plan.placements[name]]
    return sorted(plan.global_placements.get(name, ()))


def _steps(
    change: PlannedChange,
    view: ClusterState,
    then: ClusterState,
    order: RolloutOrder,
    resting: Collection[str],
) -> Iterator[PlannedStep]:
    """Also those of units that the change does not name: they follow, are bound or make room."""
    last = len(order.batches) + 1
    rolled = _batches_of(order, view)
    own: list[PlannedStep] = []
    for name in sorted(view.units.keys() | change.wanted.keys()):
        if name in change.destroyed:
            own += _leaving(name, view, 0 if change.destroyed_first else last)
        else:
            own += _of_unit(name, view, then, rolled.get(name, {}), name in resting)
    yield from own
    yield from _bound(own, view, then)


def _batches_of(order: RolloutOrder, view: ClusterState) -> Mapping[str, Mapping[str, int]]:
    """When units get their file, by machine; empty for the machine that is not named."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for batch, records in enumerate(order.batches, 1):
        for name, unit in records.items():
            for machine in ("", *changing(name, unit, view)):
                found[name].setdefault(machine, batch)
    return found


def _leaving(name: str, view: ClusterState, batch: int) -> Iterator[PlannedStep]:
    for machine in view.homes(name):
        yield _step(batch, name, PlannedAction.STOP, machine, "", "it is not wanted any more", view)


def _of_unit(
    name: str, view: ClusterState, then: ClusterState, batches_on: Mapping[str, int], rests: bool
) -> Iterator[PlannedStep]:
    batch = batches_on.get("", 0)
    before, after = _homes(name, view), _placements(name, then)
    if len(before) == len(after) == 1 and before != after:
        yield _moved(batch, name, before[0], after[0], rests, view, then)
        return
    known, unit = view.units.get(name), then.units[name]
    for machine in sorted({*before, *after}):
        if machine not in before:
            launched = unit.desired_state is DesiredState.LAUNCHED
            action = PlannedAction.START if launched else PlannedAction.LOAD
            yield _step(batch, name, action, "", machine, _because(name, then), view)
        elif machine not in after:
            wanted = unit.desired_state is not DesiredState.INACTIVE
            why = "it fits nowhere any more" if wanted else "it is to be inactive"
            yield _step(batch, name, PlannedAction.STOP, machine, "", why, view)
        elif known and (found := _in_place(known, unit, machine, rests)):
            at = batches_on.get(machine, batch)
            yield _step(at, name, found[0], machine, machine, found[1], view)


def _homes(name: str, view: ClusterState) -> list[str]:
    """The machines of a unit; also those that run it as orphans, where etcd has lost it."""
    homes = view.homes(name)
    if homes and not view.is_global(name):
        return homes
    return sorted({*homes, *(on for on in view.machines if view.assignment(name, on))})


def _moved(
    batch: int,
    name: str,
    source: str,
    destination: str,
    rests: bool,
    view: ClusterState,
    then: ClusterState,
) -> PlannedStep:
    if rests:
        why = "it is at rest"
        return _step(batch, name, PlannedAction.START, source, destination, why, view)
    why = _because(name, then)
    return _step(batch, name, PlannedAction.MOVE, source, destination, why, view)


def _because(name: str, then: ClusterState) -> str:
    chosen = then.plan().explanations.get(name)
    return chosen.reason if chosen else "it matches"


def _in_place(
    known: Unit, unit: Unit, machine: str, rests: bool
) -> tuple[PlannedAction, str] | None:
    """What becomes of a unit that stays on its machine."""
    if unit.desired_state is not known.desired_state:
        launched = unit.desired_state is DesiredState.LAUNCHED
        return (
            (PlannedAction.START, "it is loaded")
            if launched
            else (PlannedAction.STOP, "it stays loaded")
        )
    if rests:
        return PlannedAction.START, "it is at rest"
    if unit.sha_on(machine) != known.sha_on(machine):
        launched = unit.desired_state is DesiredState.LAUNCHED
        return PlannedAction.RESTART if launched else PlannedAction.LOAD, "its file changes"
    return None


def _step(
    batch: int,
    name: str,
    action: PlannedAction,
    source: str,
    destination: str,
    why: str,
    view: ClusterState,
) -> PlannedStep:
    was_up = is_active_on(source, name, view)
    return PlannedStep(batch, name, action, source, destination, why, was_up)


def _bound(
    steps: list[PlannedStep], view: ClusterState, then: ClusterState
) -> Iterator[PlannedStep]:
    """What systemd stops with units that stop, and runs again when they do."""
    planned = {step.unit for step in steps}
    stopped = (step for step in steps if step.source and step.was_up)
    downs = {(service_of(step.unit), step.source): step for step in stopped}
    for name in sorted(then.units.keys() - planned):
        is_to_run = then.units[name].desired_state is DesiredState.LAUNCHED
        if not is_to_run or then.requirements(name) is None:
            continue  # A file that is missing or cannot be used says nothing.
        masters = dependencies(name, then.text_of(name) or "", BINDING)
        for machine in view.homes(name):
            found = [downs[one, machine] for one in sorted(masters) if (one, machine) in downs]
            for step in found[:1]:
                why = f"it is bound to {step.unit}"
                action = (
                    PlannedAction.RESTART
                    if step.action is PlannedAction.RESTART
                    else PlannedAction.STOP
                )
                destination = machine if action is PlannedAction.RESTART else ""
                yield _step(step.batch, name, action, machine, destination, why, view)


def _group(name: str, steps: list[PlannedStep], view: ClusterState) -> Group:
    members = [n for n in view.units if name in (n, template_of(n)) and not is_template(n)]
    states = [state for member in members for state in view.reported(member).values()]
    active = sum(state.active in SERVING for state in states)
    return Group(name, steps, active, _lowest(steps, active))


def _lowest(steps: list[PlannedStep], active: int) -> int:
    """The fewest that are up when each batch begins with what stops and ends with what starts."""
    lowest = active
    for batch in sorted({step.batch for step in steps}):
        here = [step for step in steps if step.batch == batch]
        active -= sum(step.was_up for step in here)
        lowest = min(lowest, active)
        active += sum(step.action in STARTING for step in here)
    return lowest
