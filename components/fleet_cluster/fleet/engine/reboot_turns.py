"""Turns of machines that are to reboot, one at a time: what is to be done next. Pure.

A machine's turn: the lock, the drain, the reboot, healthy again, its units up again. What ends a
turn before the reboot gives the machine its units back and the lock on. A machine that does not
come back keeps the lock, and those after it are not begun.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..cluster_state.placement import SERVING
from ..cluster_state.state import ClusterState
from ..model.keys import REBOOT_LOCK, eligibility_key, machine_key, reboot_key
from ..model.reboots import RebootLock, RebootPhase, RebootRequest
from ..model.record import Record
from ..model.records import JOB_DONE, DesiredState, Eligibility, UnitState
from .reboot_quorum import Members, objection

CORDONED, DRAINING = "cordoned", "draining"
NOT_BEGUN = "not begun, because of "
"""What the outcome of a request begins with, where the series has ended before."""


@dataclass(frozen=True)
class Step:
    """A step of a turn: what is written, in one transaction."""

    records: Mapping[str, Record | None]
    said: str
    """What is done, in words."""
    machine: str = ""
    seen: tuple[str, ...] = ()
    """Further keys that it depends on."""


@dataclass(frozen=True)
class Moment:
    """What is known beside the records."""

    now: float
    """Seconds since 1970."""
    elapsed: float = 0.0
    """For how many seconds the lock's machine has had its turn, as far as the leader knows."""
    members: Members | None = None
    """None as long as they were not asked for this step."""
    settled: bool = True
    """Whether the leader has nothing to write, and waits for no unit."""


def next_step(state: ClusterState, moment: Moment) -> Step | str:
    """The next step; or, where nothing is to be done now, what is waited for."""
    lock, ended = state.reboot_lock, _not_begun(state)
    if ended:
        return ended
    if lock is None:
        return _begin(state, moment)
    if is_removed(lock.machine, state):
        return _end(lock, state, moment, "the machine was removed")
    work = _WORK.get(lock.phase)
    if work is None:
        return f"this fleetd knows no phase {lock.phase!r} of a reboot"
    return work(lock, state, moment)


def is_removed(machine: str, state: ClusterState) -> bool:
    """Whether a machine is gone for good, so that nobody waits for it."""
    mark = state.eligibility.get(machine)
    return mark is not None and mark.removed and machine not in state.machines


def open_requests(state: ClusterState) -> list[str]:
    """The machines that are to reboot, in their order: members of etcd last, then by name."""
    waiting = [on for on, one in state.reboots.items() if not one.outcome]
    return sorted(waiting, key=lambda on: (state.reboots[on].requested_at, *_place(on, state)))


def _place(machine: str, state: ClusterState) -> tuple[bool, tuple[int, str], str]:
    known = state.machines.get(machine)
    name = known.hostname if known else ""
    return bool(known and known.etcd), (len(name), name), machine


def _begin(state: ClusterState, moment: Moment) -> Step | str:
    waiting = open_requests(state)
    if not waiting:
        return ""
    machine = waiting[0]
    request, known = state.reboots[machine], state.machines.get(machine)
    if known is None:
        return _refuse(machine, state, "it is lost, so it was not rebooted")
    if not known.boot:
        return _refuse(machine, state, f"its fleetd {known.version} cannot be told: pulumi up")
    if moment.members is None:
        return "etcd's members are asked how they do"
    if why := objection(known, moment.members):
        return _refuse(machine, state, why)
    mark = state.eligibility.get(machine)
    lock = RebootLock(
        machine=machine,
        boot=known.boot,
        series=request.series,
        by=request.by,
        since=moment.now,
        force=request.force,
        timeout=request.timeout,
        mark=_word(mark),
    )
    return Step(
        {REBOOT_LOCK: lock, eligibility_key(machine): _drained(mark, lock, moment)},
        f"its turn to reboot has come, as {request.by or 'somebody'} asks: it is drained",
        machine,
        (reboot_key(machine),),
    )


def _word(mark: Eligibility | None) -> str:
    if mark is None:
        return ""
    return DRAINING if mark.draining else CORDONED


def _drained(mark: Eligibility | None, lock: RebootLock, moment: Moment) -> Eligibility:
    if mark is None:
        return Eligibility(draining=True, since=moment.now, force=lock.force)
    return replace(mark, draining=True, force=mark.force or lock.force)


def _as_before(lock: RebootLock, state: ClusterState) -> Mapping[str, Record | None]:
    """The operator's own mark again; what was said meanwhile stands."""
    mark = state.eligibility.get(lock.machine)
    if mark is None or not mark.draining or mark.removed or lock.mark == DRAINING:
        return {}
    before = replace(mark, draining=False, force=False) if lock.mark == CORDONED else None
    return {eligibility_key(lock.machine): before}


def _refuse(machine: str, state: ClusterState, why: str) -> Step:
    """End a series that cannot go on at this machine."""
    refused = replace(state.reboots[machine], outcome=why)
    return Step({reboot_key(machine): refused}, f"it is not rebooted: {why}", machine)


def _not_begun(state: ClusterState) -> Step | None:
    """The step that takes the next machine out of a series that has ended before its turn."""
    ended = {
        one.series: on
        for on, one in sorted(state.reboots.items())
        if one.outcome not in ("", RebootRequest.DONE)
    }
    for machine in open_requests(state):
        series = state.reboots[machine].series
        if series in ended:
            return _refuse(machine, state, f"{NOT_BEGUN}{_name(ended[series], state)}")
    return None


def _name(machine: str, state: ClusterState) -> str:
    known = state.machines.get(machine)
    return known.hostname if known else machine


def _drain(lock: RebootLock, state: ClusterState, moment: Moment) -> Step | str:
    machine, mark = state.machines.get(lock.machine), state.eligibility.get(lock.machine)
    if machine is None:
        return _end(lock, state, moment, "it was lost while it was drained, so not told to reboot")
    if machine.boot != lock.boot:
        return _phase(lock, RebootPhase.RETURNING, "it has booted before it was told to")
    if mark is None or not mark.draining:
        return _end(lock, state, moment, "its drain was ended (fleetctl uncordon): not rebooted")
    left = state.units_on(lock.machine)
    stuck = [] if lock.force else list(_stuck(lock.machine, left, state))
    if stuck:
        why = f"no other machine takes {', '.join(stuck)}; to stop what is so: --force"
        return _end(lock, state, moment, f"it was not rebooted: {why}")
    if moment.elapsed > lock.timeout:
        why = f"not drained within {lock.timeout:g} s: {', '.join(left) or 'etcd is not well'}"
        return _end(lock, state, moment, f"it was not rebooted: {why}")
    if left:
        return f"it is drained: {', '.join(left)}"
    if moment.members is None:
        return "etcd's members are asked how they do"
    if why := objection(machine, moment.members):
        return _end(lock, state, moment, f"it was not rebooted: {why}")
    told = {REBOOT_LOCK: replace(lock, phase=RebootPhase.REBOOTING)}
    seen = machine_key(lock.machine), eligibility_key(lock.machine)
    return Step(told, "it is empty: it is told to reboot", lock.machine, seen)


def _stuck(machine: str, units: list[str], state: ClusterState) -> Iterator[str]:
    stuck = state.plan().stuck
    return (name for name in units if name in stuck and machine in state.homes(name))


def _phase(lock: RebootLock, phase: RebootPhase, said: str) -> Step:
    return Step({REBOOT_LOCK: replace(lock, phase=phase)}, said, lock.machine)


def _reboot(lock: RebootLock, state: ClusterState, moment: Moment) -> Step | str:
    machine = state.machines.get(lock.machine)
    if machine and machine.boot != lock.boot:
        return _phase(lock, RebootPhase.RETURNING, "it has booted")
    where = "it has not gone down" if machine else "it is away"
    return _late(lock, state, moment, where) or where


def _return(lock: RebootLock, state: ClusterState, moment: Moment) -> Step | str:
    machine = state.machines.get(lock.machine)
    if machine is None:
        why = "it is away again"
    elif machine.trouble:
        why = f"it is sick: {machine.trouble}"
    elif moment.members is None:
        why = "etcd's members are asked how they do"
    else:
        faults = [f"{one}: {fault}" for one, fault in sorted(moment.members.items()) if fault]
        why = f"etcd is not well yet: {'; '.join(faults)}" if faults else ""
    if why:
        return _late(lock, state, moment, why) or why
    filling = {REBOOT_LOCK: replace(lock, phase=RebootPhase.FILLING)}
    before = _as_before(lock, state)
    return Step({**filling, **before}, "it is healthy: it gets units again", lock.machine)


def _fill(lock: RebootLock, state: ClusterState, moment: Moment) -> Step | str:
    if lock.machine not in state.machines:
        why = "it is away again"
    else:
        down = sorted(_down(lock.machine, state))
        why = f"not up there: {', '.join(down)}" if down else ""
    if not why and moment.settled:
        return _end(lock, state, moment, RebootRequest.DONE)
    return _late(lock, state, moment, why or "units move") or why or "units move"


def _down(machine: str, state: ClusterState) -> Iterator[str]:
    """The units that are to be on a machine and are not up."""
    plan = state.plan()
    wanted = {unit for unit, on in plan.global_placements.items() if machine in on}
    wanted |= {unit for unit in state.schedule if machine in state.assigned(unit)}
    for unit in wanted:
        desired = state.units.get(unit)
        if desired is None or state.has_completed(unit):
            continue
        is_launched = desired.desired_state is DesiredState.LAUNCHED
        report = state.reported(unit).get(machine)
        if report is None or (is_launched and not _is_as_wanted(report)):
            yield unit


def _is_as_wanted(report: UnitState) -> bool:
    """Whether it runs, or has been started and rests, as systemd says."""
    return report.active in SERVING or (report.active == "inactive" and report.job == JOB_DONE)


def _late(lock: RebootLock, state: ClusterState, moment: Moment, why: str) -> Step | None:
    """The step that ends the series once its time is over: the lock stays, and says why."""
    if lock.failure or moment.elapsed <= lock.timeout:
        return None
    failure = f"not done within {lock.timeout:g} s: {why}"
    records = _outcome(lock, state, moment, failure)
    records[REBOOT_LOCK] = replace(lock, failure=failure)
    return Step(records, f"its reboot does not end, and no other begins: {failure}", lock.machine)


def _end(lock: RebootLock, state: ClusterState, moment: Moment, outcome: str) -> Step:
    """Give the lock on; the machine has the mark that it had before."""
    said = "it has rebooted" if outcome == RebootRequest.DONE else outcome
    records = {**_outcome(lock, state, moment, outcome), **_as_before(lock, state)}
    return Step({**records, REBOOT_LOCK: None}, said, lock.machine)


def _outcome(
    lock: RebootLock, state: ClusterState, moment: Moment, outcome: str
) -> dict[str, Record | None]:
    """The outcome for whoever asked; one that is no success ends the series."""
    request = state.reboots.get(lock.machine)
    if request is None or request.series != lock.series:
        return {}
    seconds = max(0.0, round(moment.now - lock.since, 1))
    return {reboot_key(lock.machine): replace(request, outcome=outcome, seconds=seconds)}


_WORK: Mapping[str, Callable[[RebootLock, ClusterState, Moment], Step | str]] = {
    RebootPhase.DRAINING: _drain,
    RebootPhase.REBOOTING: _reboot,
    RebootPhase.RETURNING: _return,
    RebootPhase.FILLING: _fill,
}
