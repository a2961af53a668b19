"""Following a run from a machine of the cluster: when it has ended, where, and how."""

from collections.abc import Callable, Sequence

from ...cluster_state.runs import runs_of
from ...model.runs import LOST, MISSED, RunState
from ..cli.errors import CtlError
from ..cli.output import tell
from ..state.watcher import WAITING_FOR_ETCD, Watcher
from .events import Ended, Event, Placed, Request

SYSTEMDS_OWN = range(200, 246)
"""Exit codes of a process that did not become the program: systemd.exec(5)."""
LOOK_SECONDS = 60.0
"""How long to wait for a change before looking all the same."""


def run_id(id: str, place: int) -> str:
    """What a run is called on the machine that is at that place among those that have it."""
    return f"{id}-{place}" if place else id


def placed(watcher: Watcher, machines: Sequence[str]) -> Placed:
    """The event that a run was handed to these machines; those that are gone are left out."""
    known = watcher.state.machines
    return Placed([known[machine] for machine in machines if machine in known])


def runs_now(watcher: Watcher, request: Request) -> dict[str, RunState]:
    """The run that was asked for, by machine; none when it was not handed out."""
    runs = runs_of(request.unit, watcher.state)
    return {run.machine: run for run in runs if run.id.partition("-")[0] == request.id}


def follow(
    watcher: Watcher, request: Request, machines: Sequence[str], say: Callable[[Event], None]
) -> None:
    """Tell when the run has ended on each machine.

    Raises:
        CtlError: what is known of it was removed.
    """
    open_on, was_lost = set(machines), False
    while open_on:
        runs = runs_now(watcher, request)
        for machine in sorted(open_on):
            run = runs.get(machine)
            if run is None:
                raise CtlError(
                    f"the record of {request.unit} was removed: how it ended is not known"
                )
            if run.is_over:
                open_on.discard(machine)
                say(Ended(machine, run.result, run.exit_code))
        if open_on:
            was_lost = _wait(watcher, was_lost)


def _wait(watcher: Watcher, was_lost: bool) -> bool:
    if watcher.lost and not was_lost:
        tell(f"{WAITING_FOR_ETCD} The run goes on meanwhile.")
    was_lost = watcher.lost
    watcher.wait(LOOK_SECONDS)
    return was_lost


def exit_code(event: Ended) -> int:
    """The exit code of fleetctl for a run that has ended so."""
    if event.exit_code > 0:
        return event.exit_code
    return 0 if event.result == "success" else 1


def explanation(event: Ended) -> str:
    """What is to be said of an end beside its exit code; empty when that says it all."""
    if event.result == "exit-code" and event.exit_code in SYSTEMDS_OWN:
        return (
            f"exit code {event.exit_code}, which is systemd's own for a program that it could "
            "not start: is it there, is the user, is the folder?"
        )
    if event.result in ("success", "exit-code"):
        return ""
    if event.result == LOST:
        return "its machine was lost, or rebooted, while it ran; it is not run again"
    if event.result == MISSED:
        return "it was not run: it was stopped, or its machine lost, before it could begin"
    if event.result == "signal":
        return f"it was ended by signal {event.exit_code - 128}"
    return f"it ended with: {event.result}"
