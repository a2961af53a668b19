"""The beginning of a run: its unit is placed, then handed to its machines, all or nothing.

Until it is handed out, the unit's record is on a lease: whatever happens to fleetctl, nothing is
left of what was not run.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from time import sleep, time

from ...cluster_state.runs import data_id
from ...cluster_state.state import ClusterState
from ...kv import (
    MAX_OPERATIONS,
    Condition,
    KVRefusedError,
    KVUnavailableError,
    Operation,
    Put,
    Unchanged,
    batches,
)
from ...lint.unit_file import lint
from ...model.keys import file_key, run_key, schedule_key, unit_key
from ...model.pins import pinned
from ...model.records import TRANSIENT, DesiredState, Unit
from ...model.runs import Run
from ...unitfiles.text import sha_of
from ..cli.errors import CtlError
from ..cli.names import legend, machine_meant
from ..cli.output import notice_if_slow
from ..state.layout import check_layout
from ..state.secret_versions import check_secrets, current_versions
from ..state.unplaced import unplaced_reasons
from ..state.watcher import RETRY_SECONDS, WAITING_FOR_ETCD, Watcher
from ..wait.start import loaded
from ..wait.wait import Wait, say_nothing
from .events import Request
from .follow import run_id, runs_now

PLACE_SECONDS = 60
"""How long the units that are to make room have for that, and the leader for its decision."""
LEASE_SECONDS = 90


def begin(watcher: Watcher, request: Request) -> list[str]:
    """Place a transient unit and hand it out: the ids of its machines.

    Raises:
        CtlError: it fits nowhere, or there is such a unit; nothing is left of it.
        UnitFileError: its file is bad.
    """
    check_layout(watcher.store)
    text = pinned(_with_machine(request, watcher.state), current_versions(watcher.state))
    unit = Unit(sha_of(text), DesiredState.LOADED, TRANSIENT, time())
    _check(request.unit, unit, text, watcher.state)
    lease = watcher.store.grant(LEASE_SECONDS)
    try:
        _submit(watcher, request.unit, unit, text, lease)
        _wait_until_placed(watcher, request.unit)
        return _hand_out(watcher, request, text)
    finally:
        with suppress(KVUnavailableError):  # Then it ends by itself.
            watcher.store.revoke(lease)


def _with_machine(request: Request, view: ClusterState) -> str:
    if not request.on:
        return request.text
    machine = machine_meant(request.on, view.machines)
    if not machine:
        known = ", ".join(sorted(one.hostname for one in view.machines.values()))
        raise CtlError(f"there is no machine {request.on!r} that is alive; there are: {known}")
    return f"{request.text}MachineID={machine}\n"


def _check(name: str, unit: Unit, text: str, view: ClusterState) -> None:
    """Refuse what cannot be run, before anything is written."""
    if name in view.units or name in view.states:
        raise CtlError(
            f"there is a unit {name} already: take another name, or leave --unit out. What it "
            f"does: fleetctl list-units {name}"
        )
    found = lint({name: text})
    found.refuse()
    if found.remarks:  # What was asked for would be passed over.
        raise CtlError("\n".join(["nothing was run:", *found.remarks[name]]))
    check_secrets({name: unit}, {unit.sha: text}, view)
    then = view.preview({name: unit}, {unit.sha: text})
    if reasons := unplaced_reasons(name, then):
        raise CtlError(f"nothing was run: {reasons}")


def _submit(watcher: Watcher, name: str, unit: Unit, text: str, lease: int) -> None:
    puts = Put(unit_key(name), unit.to_json(), lease), Put(file_key(unit.sha), text, lease)
    new = Unchanged(unit_key(name), 0), Unchanged(file_key(unit.sha), 0)
    revision = watcher.store.commit(puts, *new)
    if not revision:
        raise CtlError(f"someone else has just made a unit {name}; nothing was run")
    watcher.catch_up(revision)


def _wait_until_placed(watcher: Watcher, name: str) -> None:
    placed = loaded(name, watcher.state.units[name])
    failures = Wait(watcher, {name: placed}, PLACE_SECONDS, say_nothing).run()
    for failure in failures.values():
        raise CtlError(f"nothing was run: {failure.reason}")


def _hand_out(watcher: Watcher, request: Request, text: str) -> list[str]:
    """Hand it to its machines, if it is still on them; nothing is on the lease any more then."""
    name, view, now = request.unit, watcher.state, time()
    machines = sorted(view.assigned(name)) if view.is_global(name) else view.homes(name)
    _check_versions(name, machines, view)
    home = "" if view.is_global(name) else machines[0]
    stays = replace(view.units[name], machine=home, written_at=now)
    puts: list[Operation] = [Put(unit_key(name), stays.to_json()), Put(file_key(stays.sha), text)]
    as_seen = [_unchanged(unit_key(name), view)]
    runs = {
        machine: run_key(name, run_id(request.id, place)) for place, machine in enumerate(machines)
    }
    for batch in batches(machines, MAX_OPERATIONS // 2 - 2):
        puts += [Put(runs[on], _run(on, now, watcher).to_json()) for on in batch]
        as_seen += [_unchanged(schedule_key(on, name), view) for on in batch]
        as_seen += [Unchanged(runs[on], 0) for on in batch]
        _commit(watcher, request, batch, puts, as_seen)
        puts, as_seen = [], []
    return machines


def _commit(
    watcher: Watcher,
    request: Request,
    machines: Collection[str],
    puts: list[Operation],
    as_seen: list[Condition],
) -> None:
    """Write runs, and see them in the view; one whose answer was lost may have been written."""
    failure: Exception = CtlError(
        f"{request.unit} was changed, or moved, before it was run: nothing was run"
    )
    try:
        if revision := watcher.store.commit(puts, *as_seen):
            watcher.catch_up(revision)
            return
    except KVRefusedError:
        raise
    except KVUnavailableError as error:
        failure = error
    _look_again(watcher)
    if not runs_now(watcher, request).keys() >= {*machines}:
        raise failure


def _look_again(watcher: Watcher) -> None:
    """However long etcd is away: whoever is told of a failure may run it a second time."""
    with notice_if_slow(WAITING_FOR_ETCD):
        while True:
            try:
                return watcher.refresh()
            except KVRefusedError:
                raise
            except KVUnavailableError:
                sleep(RETRY_SECONDS)


def _check_versions(name: str, machines: list[str], view: ClusterState) -> None:
    old = [legend(on, view.machines) for on in machines if not view.machines[on].takes_runs]
    if old or not machines:
        where = ", ".join(old) or "no machine"
        raise CtlError(
            f"nothing was run: fleetd on {where} is of a version that takes no runs; pulumi up "
            f"brings it up to date. Or run {name} elsewhere: --on MACHINE"
        )


def _run(machine: str, now: float, watcher: Watcher) -> Run:
    by = watcher.origin.author or "fleetctl"
    return Run(machine, requested_at=now, by=by, data=data_id(watcher.state))


def _unchanged(key: str, view: ClusterState) -> Condition:
    return Unchanged(key, view.mod_revision(key))
