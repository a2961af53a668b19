"""The queue of machines that are to reboot: whose turn is next, and who is refused. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..cluster_state.state import ClusterState
from ..model.keys import REBOOT_LOCK, eligibility_key, reboot_key
from ..model.reboots import WINDOW, RebootLock, RebootRequest
from ..model.record import Record
from ..model.records import Eligibility
from .reboot_quorum import Members, objection
from .reboot_units import others_leaving, units_down

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
    opening: str = ""
    """When the window of reboots was opened; empty while it is closed, or there is none."""


def open_requests(state: ClusterState) -> list[str]:
    """The machines that are to reboot, in their order: members of etcd last, then by name."""
    waiting = [on for on, one in state.reboots.items() if not one.outcome]
    return sorted(waiting, key=lambda on: (state.reboots[on].requested_at, *_place(on, state)))


def _place(machine: str, state: ClusterState) -> tuple[bool, tuple[int, str], str]:
    known = state.machines.get(machine)
    name = known.hostname if known else ""
    return bool(known and known.etcd), (len(name), name), machine


def ask_in_window(state: ClusterState, moment: Moment) -> Step | None:
    """The step that has machines reboot whose operating system asks for it, once in each window.

    One that asks again after its reboot waits for the next window, as does one that cannot be
    rebooted; and so do all of them when one has not come back, or etcd is not well.
    """
    series = WINDOW + moment.opening
    tried = {on: one for on, one in state.reboots.items() if one.series == series}
    ended = any(one.outcome != one.DONE and not one.passed_over for one in tried.values())
    if not moment.opening or ended:
        return None
    waiting = {on for on, one in state.machines.items() if one.reboot_required and one.boot}
    waiting -= tried.keys() | set(open_requests(state))
    if not waiting:
        return None
    machine = min(waiting, key=lambda on: _place(on, state))
    request = RebootRequest(
        series, state.machines[machine].hostname, by="the reboot window", requested_at=moment.now
    )
    said = "its operating system asks for a reboot, and the window is open"
    return Step({reboot_key(machine): request}, said, machine)


def begin(state: ClusterState, moment: Moment) -> Step | str:
    """The step that begins the next machine's turn, or takes it out of the queue."""
    waiting = open_requests(state)
    if not waiting:
        return ""
    machine = waiting[0]
    request, known = state.reboots[machine], state.machines.get(machine)
    if request.is_of_window and request.series != WINDOW + moment.opening:
        return _refuse(machine, state, "the window has closed")
    if known is None:
        return _refuse(machine, state, "it is lost, so it was not rebooted")
    if not known.boot:
        why = f"its fleetd {known.version} cannot be told: pulumi up"
        return _refuse(machine, state, why, passed_over=True)
    if others := others_leaving(machine, state):
        return f"another machine goes first: {others}"
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
        down={unit: active for unit, active in units_down(machine, state).items() if active},
    )
    return Step(
        {REBOOT_LOCK: lock, eligibility_key(machine): _drained(mark, lock, moment)},
        f"its turn to reboot has come, as {request.by or 'somebody'} asks: it is drained",
        machine,
        (reboot_key(machine),),
    )


def _drained(mark: Eligibility | None, lock: RebootLock, moment: Moment) -> Eligibility:
    """Drained for the reboot, unless an operator has done so already."""
    if mark and mark.draining:
        return replace(mark, force=mark.force or lock.force)
    before = mark or Eligibility(cordoned=False, since=moment.now)
    return replace(before, draining=True, force=lock.force, rebooting=True)


def _refuse(machine: str, state: ClusterState, why: str, *, passed_over: bool = False) -> Step:
    """End a series that cannot go on at this machine; a window's does, if it is passed over."""
    refused = replace(state.reboots[machine], outcome=why, passed_over=passed_over)
    return Step({reboot_key(machine): refused}, f"it is not rebooted: {why}", machine)


def not_begun(state: ClusterState) -> Step | None:
    """The step that takes the next machine out of a series that has ended before its turn."""
    ended = {
        one.series: on
        for on, one in sorted(state.reboots.items())
        if one.outcome not in ("", RebootRequest.DONE)
        and not (one.passed_over and one.is_of_window)
    }
    for machine in open_requests(state):
        series = state.reboots[machine].series
        if series in ended:
            return _refuse(machine, state, f"{NOT_BEGUN}{_name(ended[series], state)}")
    return None


def _name(machine: str, state: ClusterState) -> str:
    return state.reboots[machine].name or machine
