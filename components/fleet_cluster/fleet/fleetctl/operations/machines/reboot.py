"""Reboot of machines: what fleet's leader is asked for, and what comes of it."""

import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from time import time

from ....cluster_state.state import ClusterState
from ....model.keys import LEADER, REBOOT_LOCK, eligibility_key, reboot_key
from ....model.reboots import RebootLock, RebootPhase, RebootRequest, after_reboot
from ....model.record import Record
from ...cli.errors import CtlError
from ...cli.names import legend
from ...cli.output import tell
from ...state.transaction import Transaction, transact
from ...state.watcher import Watcher
from ...wait.outcome import Failed, Outcome, Reached, WaitCondition, Waiting
from ...wait.wait import Wait
from .eligibility import find_machine

PHASES: Mapping[str, str] = {
    RebootPhase.DRAINING: "its units move to other machines",
    RebootPhase.REBOOTING: "it reboots",
    RebootPhase.RETURNING: "it is up, and not healthy yet",
    RebootPhase.FILLING: "it is healthy, and its units are not all up yet",
}
UNLOCK = "fleetctl reboot --unlock"
UNLOCKED = f"ended by {UNLOCK}"


def machines_meant(given: Sequence[str], only_required: bool, view: ClusterState) -> list[str]:
    """The machines that are to reboot, by id; all of them without names.

    Raises:
        CtlError: one is unknown, lost, or has a fleetd that cannot be told.
    """
    machines = [find_machine(one, view) for one in given] if given else sorted(view.machines)
    for machine in machines:
        _check(machine, view)
    leader = view.entries.get(LEADER)
    leading = view.machines.get(leader.value) if leader else None
    if leading and not leading.boot:
        raise CtlError(
            f"fleet's leader, {leading.hostname}, runs fleetd {leading.version}, which reboots no "
            "machine. Nothing was asked for. Update it: pulumi up"
        )
    wanted = dict.fromkeys(machines)
    return [on for on in wanted if view.machines[on].reboot_required or not only_required]


def _check(machine: str, view: ClusterState) -> None:
    known = view.machines.get(machine)
    if known is None:
        raise CtlError(
            f"{legend(machine, view.machines)}: a lost machine cannot be told to reboot. Nothing "
            "was asked for; see: fleetctl list-machines"
        )
    if not known.boot:
        raise CtlError(
            f"{known.hostname} runs fleetd {known.version}, which cannot be told to reboot its "
            "machine. Nothing was asked for. Update it: pulumi up"
        )


def begun_as(series: str, is_resumed: bool, view: ClusterState) -> str:
    """The series that a command has asked for already, or has joined; empty if it has not asked.

    Raises:
        CtlError: it goes on, and that is not known any more: to ask anew might reboot twice.
    """
    found = (one.series for one in view.reboots.values() if series in (one.series, *one.joined))
    known = next(found, "")
    if is_resumed and not known:
        raise CtlError(
            "what this command has asked for is not known: the connection ended before it had "
            "asked, or somebody has asked for other reboots since. Nothing more was asked for. "
            "Look which machines have rebooted (fleetctl list-machines), then name the others"
        )
    return known


def ask(
    watcher: Watcher, machines: Collection[str], series: str, force: bool, timeout: float
) -> str:
    """Ask for reboots, of those machines that are not asked for already.

    Returns:
        The series that they are in: one that has begun with some of them goes on.

    Raises:
        CtlError: another machine's reboot does not end.
    """
    chosen = [series]
    asked = RebootRequest(
        series, by=f"fleetctl on {socket.gethostname()}", requested_at=time(), force=force,
        timeout=timeout,
    )  # fmt: skip

    def decide(view: ClusterState) -> Transaction:
        _check_lock(view)
        chosen[0] = _under_way(machines, view) or series
        joined = {} if chosen[0] == series else {series: asked.by}
        wanted = replace(asked, series=chosen[0], joined=joined)
        return Transaction(records=_requests(machines, wanted, view))

    transact(watcher, decide)
    return chosen[0]


def _check_lock(view: ClusterState) -> None:
    lock = view.reboot_lock
    if lock and lock.failure:
        raise CtlError(f"no machine reboots: {describe(lock, view)}. {how_to_go_on(lock, view)}")


def describe(lock: RebootLock, view: ClusterState) -> str:
    """Whose turn it is, and what is against its end."""
    where = legend(lock.machine, view.machines)
    return f"the reboot of {where} does not end, {lock.failure}" if lock.failure else where


def how_to_go_on(lock: RebootLock, view: ClusterState) -> str:
    """What an operator can do about a machine whose turn does not end."""
    request = view.reboots.get(lock.machine)
    name = (request.name if request else "") or lock.machine
    look = f"fleetctl ssh {name}" if lock.machine in view.machines else "start it, by its console"
    return (
        f"Look at {name}: {look}. When it is healthy, its units come back, and the lock is given "
        f"on. Without it: {UNLOCK}"
    )


def _under_way(machines: Collection[str], view: ClusterState) -> str:
    """The series of one of these machines that has not ended; empty when there is none.

    Not a window's: it ends what has not begun when it closes.
    """
    found = (view.reboots.get(machine) for machine in machines)
    open_ones = (one for one in found if one and not one.outcome and not one.is_of_window)
    return next((one.series for one in open_ones), "")


def _requests(
    machines: Collection[str], asked: RebootRequest, view: ClusterState
) -> Mapping[str, Record | None]:
    records = dict[str, Record | None]()
    for machine, one in view.reboots.items():
        if one.outcome and one.series != asked.series and not one.is_of_window:
            # It has served; a window's keeps its machine from a second reboot in that window.
            records[reboot_key(machine)] = None
    for machine in machines:
        known = view.reboots.get(machine)
        has_served = known and known.outcome and known.series != asked.series
        if known is None or has_served or known.is_of_window:
            name = view.machines[machine].hostname if machine in view.machines else ""
            records[reboot_key(machine)] = replace(asked, name=name)
        elif asked.joined:
            joined = {**known.joined, **asked.joined}
            records[reboot_key(machine)] = replace(known, joined=joined)
    return records


def follow(watcher: Watcher, series: str) -> Mapping[str, Failed]:
    """Wait until all machines of a series have rebooted, or it has ended; then print each.

    Not before: whoever goes on through another machine begins this wait anew.

    Returns:
        The machines that have not rebooted, by their legend, and why.
    """
    view = watcher.state
    asked = sorted(on for on, one in view.reboots.items() if one.series == series)
    conditions = {legend(on, view.machines): _outcome(on, series) for on in asked}
    lines: list[str] = []

    def note(_name: str, message: str) -> None:
        lines.append(message)
        tell(f"{len(lines)} of {len(asked)}: {message}")

    failures = Wait(watcher, conditions, announce=note).run()
    for line in sorted(lines):
        print(line)
    return failures


def _outcome(machine: str, series: str) -> WaitCondition:
    def condition(view: ClusterState) -> Outcome:
        request, lock = view.reboots.get(machine), view.reboot_lock
        if request is None or request.series != series:
            return Failed("somebody else has asked for another reboot meanwhile")
        if request.outcome == RebootRequest.DONE:
            where = legend(machine, view.machines)
            return Reached(f"{where} has rebooted, in {request.seconds:.0f} s")
        if request.outcome:
            return Failed(request.outcome)
        if lock and lock.machine == machine:
            return Waiting(PHASES.get(lock.phase, lock.phase))
        return Waiting("its turn has not come")

    return condition


def unlock(watcher: Watcher) -> list[str]:
    """End all reboots that have not ended, and release the lock.

    Returns:
        What has become of it, in lines.
    """
    said: list[str] = []

    def decide(view: ClusterState) -> Transaction:
        records: dict[str, Record | None] = {
            reboot_key(on): replace(one, outcome=UNLOCKED)
            for on, one in view.reboots.items()
            if not one.outcome
        }
        waiting, lock = len(records), view.reboot_lock
        said[:] = [f"{waiting} reboots that were asked for are ended"] if waiting else []
        if lock:
            records |= _unmarked(lock, view)
            records[REBOOT_LOCK] = None
            said.append(_released(lock, view))
        return Transaction(records=records)

    transact(watcher, decide)
    return said or ["No machine is to reboot, and no lock is held"]


def _unmarked(lock: RebootLock, view: ClusterState) -> Mapping[str, Record | None]:
    """A machine that is away gets no units when it comes back: nobody would look at it then."""
    mark = view.eligibility.get(lock.machine)
    if mark is None or not mark.rebooting:
        return {}
    is_away = lock.machine not in view.machines
    after = replace(mark, cordoned=True, rebooting=False) if is_away else after_reboot(mark)
    return {eligibility_key(lock.machine): after}


def _released(lock: RebootLock, view: ClusterState) -> str:
    where = legend(lock.machine, view.machines)
    if lock.machine in view.machines:
        return f"the lock of {where} is released"
    return (
        f"the lock of {where} is released; when the machine is back, it gets no units until: "
        f"fleetctl uncordon {lock.machine}"
    )
