"""What happened to a unit and why: one line of cause and effect (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ...cluster_state.state import ClusterState
from ...model.records import RESTARTING, Assignment, DesiredState, UnitState
from ..cli.names import SHORT_HASH, legend


@dataclass(frozen=True)
class Event:
    """Something that was done or seen, as the records in etcd tell it."""

    at: float
    """Seconds since 1970, by the clock of whoever noted it; 0 when nobody did."""
    by: str
    """fleetctl, leader, fleetd or systemd."""
    what: str
    machine: str = ""
    """The id of the machine that it is about."""
    against: dict[str, str] = field(default_factory=dict[str, str])
    """Of a placement: why not on each of the other machines, by id."""


def timeline(name: str, view: ClusterState) -> list[Event]:
    """The events that led to where the unit is now, in the order of their times."""
    events = [*_wanted(name, view), *_decided(name, view), *_done(name, view)]
    return sorted(events, key=lambda event: event.at or float("inf"))


def time_of(seconds: float) -> str | None:
    """A time as it is printed, in UTC to the millisecond; None when it is not known."""
    if not seconds:
        return None
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _wanted(name: str, view: ClusterState) -> Iterator[Event]:
    unit = view.units.get(name)
    if unit:
        owner = f" for {unit.owner}" if unit.owner else ""
        yield Event(
            unit.written_at,
            "fleetctl",
            f"wanted {unit.desired_state}{owner}, file {unit.sha[:SHORT_HASH]}",
        )


def _decided(name: str, view: ClusterState) -> Iterator[Event]:
    told = {**view.withdrawn(name), **view.assigned(name)}
    for machine, assignment in told.items():
        where = legend(machine, view.machines)
        if assignment.desired_state is DesiredState.INACTIVE:
            what = f"taken off {where}: {assignment.reason}"
            yield Event(assignment.decided_at, "leader", what, machine)
        else:
            yield from _placed(machine, assignment, view)


def _placed(machine: str, assignment: Assignment, view: ClusterState) -> Iterator[Event]:
    origin = assignment.origin
    before = legend(origin, view.machines) if origin else ""
    if assignment.lost_at:
        yield Event(assignment.lost_at, "leader", f"{before}: its lease has expired", origin)
    source = f" from {before}" if before else ""
    reason = f": {assignment.reason}" if assignment.reason else ""
    what = f"{assignment.desired_state} on {legend(machine, view.machines)}{source}{reason}"
    yield Event(assignment.decided_at, "leader", what, machine, dict(assignment.rejections))


def _done(name: str, view: ClusterState) -> Iterator[Event]:
    for machine, state in view.reported(name).items():
        where = legend(machine, view.machines)
        if state.start_requested_at:
            yield Event(state.start_requested_at, "fleetd", f"start job on {where}", machine)
        at = state.start_requested_at if state.job else state.since
        yield Event(at, "systemd", f"{_said(state)} on {where}", machine)
        if state.problem:
            yield Event(0.0, "fleetd", f"{where}: {state.problem}", machine)
        if machine not in view.machines:
            yield Event(0.0, "leader", f"{where}: nobody can say how the unit does", machine)


def _said(state: UnitState) -> str:
    """What systemd says, and what it means."""
    said = f"{state.active} ({state.sub})"
    because = f": {state.reason}" if state.reason else ""
    if state.job:
        return f"{said}: its start job: {state.job}{because}"
    if state.active == "failed":
        return f"{said}: it failed{because}; its log: fleetctl journal"
    if state.sub in RESTARTING:
        return f"{said}: it failed, and systemd starts it again"
    if state.load not in ("loaded", "not-found"):
        return f"{said}: systemd cannot load it: {state.load}{because}"
    return f"{said}{because}"
