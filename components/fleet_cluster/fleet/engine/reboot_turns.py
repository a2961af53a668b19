"""Turns of machines that are to reboot, one at a time: what is to be done next. Pure.

A machine's turn: the lock, the drain, the reboot, healthy again, its units up again. What ends a
turn before the reboot gives the machine its units back and the lock on. A machine that does not
come back keeps the lock, and those after it are not begun.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..cluster_state.state import ClusterState
from ..model.keys import REBOOT_LOCK, eligibility_key, machine_key, reboot_key
from ..model.reboots import RebootLock, RebootPhase, RebootRequest, after_reboot
from ..model.record import Record
from .reboot_queue import Moment, Step, ask_in_window, begin, not_begun
from .reboot_quorum import objection
from .reboot_units import others_leaving, stuck_units, units_down


def next_step(state: ClusterState, moment: Moment) -> Step | str:
    """The next step; or, where nothing is to be done now, what is waited for."""
    lock, ended = state.reboot_lock, not_begun(state)
    if ended:
        return ended
    if lock is None:
        return ask_in_window(state, moment) or begin(state, moment)
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


def _as_before(lock: RebootLock, state: ClusterState) -> Mapping[str, Record | None]:
    """No longer drained for the reboot; what an operator has said, be it meanwhile, stands."""
    mark = state.eligibility.get(lock.machine)
    if mark is None or not mark.rebooting:
        return {}
    return {eligibility_key(lock.machine): after_reboot(mark)}


def _drain(lock: RebootLock, state: ClusterState, moment: Moment) -> Step | str:
    machine, mark = state.machines.get(lock.machine), state.eligibility.get(lock.machine)
    if machine is None:
        return _end(lock, state, moment, "it was lost while it was drained, so not told to reboot")
    if not machine.boot:
        why = f"its fleetd {machine.version} cannot be told: pulumi up"
        return _pass_over(lock, state, moment, f"it was not rebooted: {why}")
    if machine.boot != lock.boot:
        return _phase(lock, RebootPhase.RETURNING, "it has booted before it was told to")
    if mark is None or not mark.draining:
        why = "its drain was ended (fleetctl uncordon): not rebooted"
        return _pass_over(lock, state, moment, why)
    if mark.removed:
        return _pass_over(lock, state, moment, "it is removed from the cluster: not rebooted")
    left = state.units_on(lock.machine)
    stuck = [] if lock.force else stuck_units(lock.machine, left, state)
    if stuck:
        why = f"no other machine takes {', '.join(stuck)}; to stop what is so: --force"
        return _pass_over(lock, state, moment, f"it was not rebooted: {why}")
    others = others_leaving(lock.machine, state)
    if moment.elapsed > lock.timeout:
        waited_for = ", ".join(left) or others or "etcd is not well"
        why = f"not drained within {lock.timeout:g} s: {waited_for}"
        end = _pass_over if left else _end
        return end(lock, state, moment, f"it was not rebooted: {why}")
    if left:
        return f"it is drained: {', '.join(left)}"
    if others:
        return f"another machine goes first: {others}"
    if moment.members is None:
        return "etcd's members are asked how they do"
    if why := objection(machine, moment.members):
        return _end(lock, state, moment, f"it was not rebooted: {why}")
    told = {REBOOT_LOCK: replace(lock, phase=RebootPhase.REBOOTING)}
    seen = machine_key(lock.machine), eligibility_key(lock.machine)
    return Step(told, "it is empty: it is told to reboot", lock.machine, seen)


def _phase(lock: RebootLock, phase: RebootPhase, said: str) -> Step:
    return Step({REBOOT_LOCK: replace(lock, phase=phase)}, said, lock.machine)


def _reboot(lock: RebootLock, state: ClusterState, moment: Moment) -> Step | str:
    machine = state.machines.get(lock.machine)
    if machine and machine.boot not in ("", lock.boot):
        return _phase(lock, RebootPhase.RETURNING, "it has booted")
    if machine and not machine.boot:
        where = f"its fleetd {machine.version} does not say whether it has booted: pulumi up"
    else:
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
        down = sorted(units_down(lock.machine, state).keys() - lock.down.keys())
        why = f"not up there: {', '.join(down)}" if down else ""
    if not why and moment.settled:
        return _end(lock, state, moment, RebootRequest.DONE)
    return _late(lock, state, moment, why or "units move") or why or "units move"


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


def _pass_over(lock: RebootLock, state: ClusterState, moment: Moment, outcome: str) -> Step:
    """End a turn before the reboot, for a reason that is this machine's own."""
    ended, key = _end(lock, state, moment, outcome), reboot_key(lock.machine)
    request = ended.records.get(key)
    if not isinstance(request, RebootRequest):
        return ended
    return replace(ended, records={**ended.records, key: replace(request, passed_over=True)})


def _outcome(
    lock: RebootLock, state: ClusterState, moment: Moment, outcome: str
) -> dict[str, Record | None]:
    """The outcome for whoever asked; one that is no success ends the series.

    Also for an operator who has asked during a window's turn.
    """
    request = state.reboots.get(lock.machine)
    if request is None or (request.series != lock.series and request.outcome):
        return {}
    seconds = max(0.0, round(moment.now - lock.since, 1))
    return {reboot_key(lock.machine): replace(request, outcome=outcome, seconds=seconds)}


_WORK: Mapping[str, Callable[[RebootLock, ClusterState, Moment], Step | str]] = {
    RebootPhase.DRAINING: _drain,
    RebootPhase.REBOOTING: _reboot,
    RebootPhase.RETURNING: _return,
    RebootPhase.FILLING: _fill,
}
