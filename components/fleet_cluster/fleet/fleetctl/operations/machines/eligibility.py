"""Eligibility of machines for units: cordoned, draining, or neither."""

import re
from collections.abc import Callable
from dataclasses import replace
from time import time

from ....cluster_state.state import ClusterState
from ....model.keys import eligibility_key
from ....model.records import Eligibility
from ...cli.errors import CtlError
from ...cli.names import machine_meant
from ...cli.spelling import did_you_mean
from ...state.transaction import Transaction, transact
from ...state.watcher import Watcher

_FULL_ID = re.compile("[0-9a-f]{32}")


def find_machine(given: str, view: ClusterState) -> str:
    """The id of the machine that an operator means: by id, its beginning, address or host name.

    Lost machines are known by their id, as long as anything is kept for them.

    Raises:
        CtlError: there is none, or more than one.
    """
    known = {*view.eligibility, *(on for some in view.schedule.values() for on in some)}
    found = machine_meant(given, view.machines, known)
    if found:
        return found
    hint = did_you_mean(given, [machine.hostname for machine in view.machines.values()])
    raise CtlError(
        f"{given!r} is no machine (id or its beginning, address, host name){hint}; "
        "see: fleetctl list-machines"
    )


def find_removed_machine(given: str, view: ClusterState) -> str:
    """The id of a machine that is removed: by its full id also one that nobody knows any more.

    Raises:
        CtlError: there is none, or more than one.
    """
    return given if _FULL_ID.fullmatch(given) else find_machine(given, view)


def set_eligibility(
    watcher: Watcher, machine: str, wanted: Callable[[Eligibility | None], Eligibility | None]
) -> None:
    """Change a machine's eligibility, by compare-and-swap; None: it gets all units.

    Raises:
        CtlError: others kept changing it.
    """

    def decide(view: ClusterState) -> Transaction:
        before = view.eligibility.get(machine)
        after = wanted(before)
        return Transaction(records={} if before == after else {eligibility_key(machine): after})

    transact(watcher, decide)


def cordoned(before: Eligibility | None) -> Eligibility:
    """Eligibility of a machine that gets no new units; one that is drained stays so."""
    return replace(before, cordoned=True) if before else Eligibility(since=time())


def drained(before: Eligibility | None, force: bool, leaving: bool) -> Eligibility:
    """Eligibility of a machine whose units move away."""
    if before and before.draining:
        own = replace(before, cordoned=True, rebooting=False)
        return replace(own, force=force, removed=leaving)
    return Eligibility(draining=True, since=time(), force=force, removed=leaving)


def machine_state(machine: str, view: ClusterState) -> str:
    """Eligibility, trouble and reboots, as STATE shows them; empty when there is none of them."""
    alive, lock = view.machines.get(machine), view.reboot_lock
    trouble = f"sick: {alive.trouble}" if alive and alive.trouble else ""
    required = "reboot required" if alive and alive.reboot_required else ""
    turn = f"reboot: {lock.phase}" if lock and lock.machine == machine else ""
    word, failed = _eligibility_word(machine, view), _failed_reboot(machine, view)
    return ", ".join(filter(None, (word, trouble, required, turn, failed)))


def _failed_reboot(machine: str, view: ClusterState) -> str:
    """Why its last reboot was not done: nobody waits at a terminal for one of the window."""
    request = view.reboots.get(machine)
    if request is None or request.outcome in ("", request.DONE):
        return ""
    return f"last reboot: {request.outcome}"


def _eligibility_word(machine: str, view: ClusterState) -> str:
    found = view.eligibility.get(machine)
    if found is None:
        return ""
    if not found.draining:
        return "cordoned"
    return "draining" if view.units_on(machine) else "drained"
