"""This machine's part of the control loop: make systemd match `schedule/<machine>/`.

A unit is started once for each (file, target, boot); from then on systemd's `Restart=` decides
and the agent only reports. Each step is written to the ledger before it is done, so that fleetd
may be killed anywhere and goes on where it was.

A unit is stopped only on an instruction: an assignment that says so. Silence tells nothing: a
unit without an assignment is *held*, it stays as it is. When assignments vanish or go back in
time, when the store has another id or a lower revision than before, then it was emptied or
restored, and for a while only what confirms the units as they run is followed: the leader needs
the time to see what runs where.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from enum import Enum, auto

from ..journal_log import about
from ..kv import KV, MAX_OPERATIONS, Delete, KeyValue, Operation, Put, Unchanged, batches
from ..model.keys import SCHEDULE, STATES, file_key, schedule_key, split_key, state_key
from ..model.record import BadRecordError
from ..model.records import Assignment, Cluster, DesiredState, UnitState
from ..systemd.manager import UNKNOWN, Systemd, UnitStatus, is_at_rest
from ..unitfiles.names import UnitFileError, check_runs, is_template
from . import socket_templates
from .checkpoint import Checkpoint, LocalUnit, Progress
from .start_results import StartResults

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
"""The pause after a report was refused because the store had changed."""


class Action(Enum):
    """What is to be done next about a unit."""

    NOTHING = auto()
    WRITE = auto()
    START = auto()
    STARTED = auto()
    """Only to be noted: it turns out to have been started."""
    STOP = auto()
    STOPPED = auto()
    """Only to be noted: it is loaded and not started."""
    REMOVE = auto()


def next_action(unit: LocalUnit | None, wanted: Assignment | None, status: UnitStatus) -> Action:
    """Decide about one unit: what the machine has of it, what it is told, what systemd says."""
    if wanted is None:
        return Action.NOTHING
    here = wanted.desired_state is not DesiredState.INACTIVE
    if unit is None:
        return Action.WRITE if here else Action.NOTHING
    if not here:
        return Action.REMOVE if is_at_rest(status) else Action.STOP
    if wanted.sha != unit.sha:
        return Action.WRITE if is_at_rest(status) else Action.STOP
    return _towards(wanted.desired_state, unit, status)


def _towards(target: DesiredState, unit: LocalUnit, status: UnitStatus) -> Action:
    if unit.progress is Progress.WRITING:
        return Action.WRITE
    if target is DesiredState.LAUNCHED and unit.progress is not Progress.STOPPING:
        if unit.progress is Progress.LOADED:
            return Action.START
        if unit.progress is Progress.STARTING:
            # Not "later than": the time of day may have been set back meanwhile.
            never = is_at_rest(status) and status.since in (0.0, unit.since)
            return Action.START if never else Action.STARTED
    elif unit.progress is not Progress.LOADED:
        return Action.STOPPED if is_at_rest(status) else Action.STOP
    return Action.NOTHING


@dataclass(frozen=True)
class _Wanted:
    """An assignment, and the revision that it was written at."""

    assignment: Assignment
    revision: int

    @property
    def here(self) -> bool:
        return self.assignment.desired_state is not DesiredState.INACTIVE


@dataclass(frozen=True)
class _Problem:
    """Why a unit cannot be written or started: with this assignment, in this attempt."""

    revision: int
    attempt: int
    reason: str


@dataclass(frozen=True)
class _Reported:
    """A state in the store: what it says, empty if another lease's, and its last change."""

    value: str
    revision: int


_UNREPORTED = _Reported("", 0)


@dataclass(frozen=True)
class _View:
    """What one round goes by."""

    wanted: Mapping[str, _Wanted]
    statuses: Mapping[str, UnitStatus]
    steps: Mapping[Action, list[str]]
    origins: Mapping[str, str]
    """The files of units of the same name that are the machine's own."""


class Agent:
    """Runs in the loop's thread. Its calls raise what store and systemd raise, at any point."""

    def __init__(
        self,
        machine: str,
        store: KV,
        systemd: Systemd,
        ledger: Checkpoint,
        sight: Callable[[], float],
        patience: float,
        on_shaken: Callable[[], None],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`wall_clock` tells seconds since 1970, for people.

        `on_shaken` is called when the store turns out to be emptied or restored.

        From then on nothing new is followed until `sight`, the time for which the store has been
        in sight since, has reached `patience` seconds.
        """
        self._machine = machine
        self._store = store
        self._systemd = systemd
        self._ledger = ledger
        self._sight = sight
        self._patience = patience
        self._on_shaken = on_shaken
        self._wall_clock = wall_clock
        self._checked_files = False
        self._lease = 0
        self._reported: dict[str, _Reported] | None = None
        self._stopping: set[str] = set()
        self._attempt = 0
        self._complained = False
        self._problems: dict[str, _Problem] = {}
        self._active: dict[str, str] = {}
        self._accounts = StartResults(systemd)

    def activity(self) -> Counter[str]:
        """How many of this machine's units were in each ACTIVE state in the last round."""
        return Counter(self._active[name] for name in self._ledger.units if name in self._active)

    def resync(self) -> None:
        """Do not rely on what was reported or written earlier: look at everything again."""
        self._reported = None
        self._checked_files = False
        self._attempt += 1

    def check_identity(self, cluster: KeyValue | None, revision: int, fresh: bool) -> bool:
        """Look whether the store is still the one that was seen before.

        Args:
            cluster: the entry of the cluster's id.
            revision: a revision that was seen.
            fresh: it was the newest one when it was seen, so that it cannot be a lower one
                than was seen before, unless the store went back in time.

        Returns:
            Whether it went back in time and has its id still: it was restored.
        """
        ledger, id = self._ledger, _cluster_id(cluster)
        restored = id == ledger.cluster != "" and fresh and revision < ledger.revision
        if ledger.cluster and id != ledger.cluster:
            self._hold(f"the store's cluster id was {ledger.cluster} and is {id or 'missing'}")
        elif fresh and revision < ledger.revision:
            self._hold(f"the store is at revision {revision}, {ledger.revision} was seen before")
        else:
            revision = max(revision, ledger.revision)
        ledger.follow(id, revision)
        return restored

    def reconcile(self, lease: int, announced: bool, schedule: Mapping[str, KeyValue]) -> float:
        """Do what is to be done until there is nothing left but to wait; report.

        Args:
            lease: the machine's lease; without one (0) nothing is reported.
            announced: whether the leader can see that the machine is alive. If not, nothing new
                is started: the leader may be giving it to another machine.
            schedule: the entries under `schedule/<machine>/`.

        Returns:
            After how many seconds to look again though nothing has changed; 0 if not needed.
        """
        if not self._checked_files:
            self._check_files(schedule)
        wanted, unreadable = _read(schedule)
        for name, reason in unreadable.items():
            self._complain(name, schedule[schedule_key(self._machine, name)].mod_revision, reason)
        self._compare(wanted.keys() | unreadable.keys(), wanted)
        if self._ledger.distrusts and self._sight() >= self._patience:
            self._ledger.trust()
        if self._ledger.distrusts:
            wanted = {name: one for name, one in wanted.items() if self._confirms(name, one)}
        self._follow(wanted)
        waiting = self._release()
        while self._round(lease, announced, wanted, unreadable.keys()):
            pass
        if waiting or (lease and self._reported is None):
            return RETRY_SECONDS
        return max(0.0, self._patience - self._sight()) if self._ledger.distrusts else 0.0

    def _release(self) -> bool:
        """Let start again what the fence has stopped, once the lease is alive.

        Whether something has to wait.
        """
        stopped = self._systemd.fenced()
        if not stopped:
            return False
        units, statuses = self._ledger.units, self._systemd.status(sorted(stopped))
        ready = {n for n in stopped if is_at_rest(statuses[n])} if self._sight() else set[str]()
        restarting = {n for n in ready & units.keys() if units[n].progress is Progress.STARTED}
        loaded = {n: replace(units[n], progress=Progress.LOADED, told=0.0) for n in restarting}
        self._ledger.record(loaded)
        self._systemd.release(ready)
        return ready != stopped

    def _compare(self, present: Set[str], wanted: Mapping[str, _Wanted]) -> None:
        """Look whether assignments vanished or went back in time: the leader never does that."""
        units = self._ledger.units
        vanished = [name for name in units if units[name].revision and name not in present]
        older = [n for n in units if n in wanted and wanted[n].revision < units[n].revision]
        if vanished or older:
            names = ", ".join(sorted(vanished + older))
            self._hold(f"assignments vanished or are older than before: {names}")

    def _hold(self, reason: str) -> None:
        held = len(self._ledger.units)
        log.warning("holding %d units as they are: %s", held, reason, extra=about("hold"))
        # In this order: a fleetd that is killed in between finds it out again.
        self._on_shaken()
        self._ledger.distrust()
        self._reported = None

    def _confirms(self, name: str, wanted: _Wanted) -> bool:
        """Whether the assignment says what is so already, or is newer than the trouble."""
        unit = self._ledger.units.get(name)
        if unit is None or unit.revision > 0:
            return unit is not None
        told, is_up = wanted.assignment, unit.progress is Progress.STARTED
        return is_up and (told.sha, told.desired_state) == (unit.sha, DesiredState.LAUNCHED)

    def _follow(self, wanted: Mapping[str, _Wanted]) -> None:
        """Note which assignments are followed now."""
        followed: dict[str, LocalUnit] = {}
        for name, unit in self._ledger.units.items():
            if name in wanted and wanted[name].revision != unit.revision:
                followed[name] = replace(unit, revision=wanted[name].revision)
                if not unit.revision and wanted[name].here:
                    _log("adopt", "adopting", name, wanted[name])
        self._ledger.note(followed)

    def _check_files(self, schedule: Mapping[str, KeyValue]) -> None:
        """Compare the ledger with the unit files that are there, and mend both."""
        files = self._systemd.files()
        units = {name for name in files if not is_template(name)}
        unknown = sorted(units - self._ledger.units.keys())
        if unknown:
            log.warning("found %d units without a record, holding them", len(unknown))
            statuses = self._systemd.status(unknown)
            self._ledger.note({name: _found(files[name], statuses[name]) for name in unknown})
        units = self._ledger.units.items()
        written = [name for name, unit in units if unit.progress is not Progress.WRITING]
        self._restore(written, files)
        self._checked_files = True

    def _restore(self, names: Iterable[str], files: Mapping[str, str]) -> set[str]:
        """Write files that someone removed or changed; what runs is left alone.

        `files`: those that are there, as `Systemd.files` tells. Returns the units of which one
        was changed and is not as it should be again.
        """
        shas = {name: self._ledger.units[name].sha for name in names}
        changed = {name: sha for name, sha in shas.items() if files.get(name) != sha}
        texts = self._texts(changed.values())
        known = {name: texts[sha] for name, sha in changed.items() if sha in texts}
        refused = dict.fromkeys(changed.keys() - known.keys(), "it is missing in the store")
        if known:
            log.warning("writing again what was changed or removed: %s", ", ".join(known))
            refused |= self._write(known)
            if known.keys() - refused.keys() and (reason := self._reload()):
                refused |= dict.fromkeys(known, reason)
        for name, why in refused.items():
            what = f"its file was changed, and cannot be written again: {why}"
            self._complain(name, self._ledger.units[name].revision, what)
        self._solved(known.keys() - refused.keys())
        return set(refused)

    def _round(
        self, lease: int, announced: bool, wanted: Mapping[str, _Wanted], unreadable: Set[str]
    ) -> bool:
        """One step for each unit. Whether there may be another at once."""
        view = self._look(wanted, unreadable)
        for name, origin in view.origins.items():
            self._complain(name, wanted[name].revision, _foreign(name, origin))
        if not self._report(lease, view, unreadable):
            return False
        self._complained = False
        done = [
            self._note(view),
            self._stop(view),
            self._rewrite(view, announced),
            self._start(view, announced),
        ]
        return any(done) or self._complained

    def _look(self, wanted: Mapping[str, _Wanted], unreadable: Set[str]) -> _View:
        units = self._ledger.units
        names = units.keys() | wanted.keys()
        statuses = self._systemd.status(sorted(name for name in names if not _misnomer(name)))
        self._active = {name: status.active for name, status in statuses.items()}
        steps: dict[Action, list[str]] = {step: [] for step in Action}
        for name in sorted(names - unreadable):
            told = wanted[name].assignment if name in wanted else None
            steps[next_action(units.get(name), told, statuses.get(name, UNKNOWN))].append(name)
        return _View(wanted, statuses, steps, self._origins(steps[Action.WRITE], statuses))

    def _origins(
        self, names: Iterable[str], statuses: Mapping[str, UnitStatus]
    ) -> Mapping[str, str]:
        """Of the units to write, those that the machine has already, and not from fleet."""
        known = self._ledger.units.keys()
        loads = {name: statuses.get(name, UNKNOWN).load for name in names if name not in known}
        there = [name for name, load in loads.items() if load not in (UNKNOWN.load, "masked")]
        return self._systemd.origins(there) if there else {}

    def _note(self, view: _View) -> bool:
        units = self._ledger.units
        noted: dict[str, LocalUnit] = {}
        for name in view.steps[Action.STARTED]:
            noted[name] = replace(units[name], progress=Progress.STARTED)
        for name in view.steps[Action.STOPPED]:
            noted[name] = replace(units[name], progress=Progress.LOADED, told=0.0)
        self._ledger.note(noted)
        return bool(noted)

    def _stop(self, view: _View) -> bool:
        """Queue stop jobs. systemd tells when they are done: no other round at once.

        Also when it cannot be noted: to be told to stop again does no harm.
        """
        names = view.steps[Action.STOP]
        under_way = {name for name in self._stopping if _is_stopping(view.statuses[name])}
        fresh = [name for name in names if name not in under_way]
        for name in fresh:
            _log("stop", "stopping", name, view.wanted[name])
        units = self._ledger.units
        self._ledger.note({n: replace(units[n], progress=Progress.STOPPING) for n in fresh})
        for name, reason in (self._systemd.stop(fresh) if fresh else {}).items():
            self._complain(name, 0, f"cannot be stopped: {reason}")
        self._stopping = set(names)
        return False

    def _rewrite(self, view: _View, announced: bool) -> bool:
        """Remove and write unit files, with one daemon-reload for all."""
        units = self._ledger.units
        removed = [name for name in view.steps[Action.REMOVE] if not self._is_blocked(view, name)]
        files = self._writable(view) if announced else {}
        if not removed and not files:
            if self._systemd.link_dependencies(self._to_run(view)):
                self._reload()
            return False
        for name in removed:
            _log("remove", "removing", name, view.wanted[name])
        old = [*removed, *(name for name in files if name in units)]
        new = {name: _new(view.wanted[name]) for name in files}
        half = {name: replace(units[name], progress=Progress.WRITING) for name in removed}
        self._ledger.record({**half, **new})
        refused = self._remove(old, removed)
        refused |= self._write({n: files[n] for n in files if n not in refused})
        self._systemd.link_dependencies(self._to_run(view))
        done = {*removed, *files} - refused.keys()
        if done and (reason := self._reload()):
            refused |= dict.fromkeys(done, reason)
        for name, reason in refused.items():
            verb = "written" if name in files else "removed"
            self._complain(name, view.wanted[name].revision, f"cannot be {verb}: {reason}")
        done -= refused.keys()
        loaded = {n: replace(new[n], progress=Progress.LOADED) for n in new if n in done}
        self._ledger.note(loaded)
        self._ledger.drop(done & set(removed))
        self._solved(done)
        return bool(done)

    def _write(self, files: Mapping[str, str]) -> dict[str, str]:
        """Write unit files, with the templates that sockets among them need; why not, by unit."""
        refused = self._systemd.write({**socket_templates.needed(files, self._store), **files})
        return _of_units(files, refused)

    def _remove(self, names: Iterable[str], for_good: Iterable[str]) -> dict[str, str]:
        """The same, to remove them, with the templates that no socket needs any more."""
        useless = socket_templates.useless(for_good, self._ledger.units)
        return _of_units(names, self._systemd.remove([*names, *useless]))

    def _to_run(self, view: _View) -> set[str]:
        """The units that are to run here, held ones included: they come and go with others."""
        return {
            name
            for name, unit in self._ledger.units.items()
            if (
                view.wanted[name].assignment.desired_state is DesiredState.LAUNCHED
                if name in view.wanted
                else unit.progress is Progress.STARTED
            )
        }

    def _reload(self) -> str:
        """Why systemd did not read the files again; empty when it did."""
        reason = self._systemd.reload()
        self._attempt += 1
        return reason

    def _writable(self, view: _View) -> dict[str, str]:
        """The texts of the units to write; why not, for the others, becomes their problem."""
        names = [name for name in view.steps[Action.WRITE] if not self._is_blocked(view, name)]
        if not names:
            return {}
        texts = self._texts(view.wanted[name].assignment.sha for name in names)
        known = self._ledger.units.keys()
        files: dict[str, str] = {}
        for name in names:
            wanted, load = view.wanted[name], view.statuses.get(name, UNKNOWN).load
            if fault := _misnomer(name):
                self._complain(name, wanted.revision, fault)
            elif name not in known and load == "masked":
                what = f"it is masked on the machine; there: systemctl unmask {name}"
                self._complain(name, wanted.revision, what)
            elif wanted.assignment.sha not in texts:
                self._complain(name, wanted.revision, "its file is missing in the store")
            else:
                files[name] = texts[wanted.assignment.sha]
        return files

    def _texts(self, shas: Iterable[str]) -> dict[str, str]:
        keys = {file_key(sha): sha for sha in shas}
        entries = self._store.get(keys.keys()).entries if keys else {}
        return {keys[key]: entry.value for key, entry in entries.items()}

    def _start(self, view: _View, announced: bool) -> bool:
        """Queue start jobs, and leave the units to systemd."""
        units = self._ledger.units
        names = [name for name in view.steps[Action.START] if not self._is_blocked(view, name)]
        names = self.as_written(names) if announced else []
        if not names:
            return False
        for name in names:
            _log("start", "starting", name, view.wanted[name])
        now, statuses = self._wall_clock(), view.statuses
        # What was asked for does not count towards the start limit: that is for what restarts.
        again = [n for n in names if statuses[n].since or statuses[n].active == "failed"]
        starting = {
            name: replace(
                units[name], progress=Progress.STARTING, since=statuses[name].since, told=now
            )
            for name in names
        }
        self._ledger.record(starting)
        if again:
            self._systemd.reset_failed(again)
        refused = self._systemd.start(names)
        for name, reason in refused.items():
            self._complain(name, view.wanted[name].revision, f"cannot be started: {reason}")
        self._ledger.note(
            {
                name: replace(
                    unit, progress=Progress.LOADED if name in refused else Progress.STARTED
                )
                for name, unit in starting.items()
            }
        )
        self._solved(name for name in names if name not in refused)
        return True

    def as_written(self, names: list[str]) -> list[str]:
        """Those units that systemd would start by the file that fleet has written.

        Somebody may have changed it since: not even the next reconcile would undo such a start.
        """
        if not names:
            return []
        spoilt = self._restore(names, self._systemd.files(names))
        if self._systemd.unread(names) and (reason := self._reload()):
            log.warning("systemd has not read all files anew: %s", reason)
        return [name for name in names if name not in spoilt]

    def _is_blocked(self, view: _View, name: str) -> bool:
        """Whether the same would fail for the same reason as before."""
        problem, wanted = self._problems.get(name), view.wanted[name]
        if problem is None:
            return False
        return (problem.revision, problem.attempt) == (wanted.revision, self._attempt)

    def _complain(self, name: str, revision: int, reason: str) -> None:
        """Log a problem when it is new, and remember it for the report."""
        known = self._problems.get(name)
        if known is None or (known.revision, known.reason) != (revision, reason):
            log.error("%s: %s", name, reason, extra=about("problem", name, revision=revision))
            self._complained = True
        self._problems[name] = _Problem(revision, self._attempt, reason)

    def _solved(self, names: Iterable[str]) -> None:
        for name in names:
            self._problems.pop(name, None)

    def _forget_problems(self, view: _View, unreadable: Set[str]) -> None:
        """What was wrong with an assignment says nothing of the next one."""
        present = self._present(view) | unreadable
        for name, problem in list(self._problems.items()):
            wanted = view.wanted.get(name)
            is_older = wanted is not None and 0 < problem.revision < wanted.revision
            if name not in present or is_older:
                del self._problems[name]

    def _report(self, lease: int, view: _View, unreadable: Set[str]) -> bool:
        """Write the states that changed. False when an assignment was withdrawn meanwhile.

        A unit's first state is written before its file, and only if it is still assigned: so
        the leader, once it has withdrawn an assignment, sees whether the unit may be here.
        """
        self._forget_problems(view, unreadable)
        if not lease:
            return True
        if self._reported is None or lease != self._lease:
            self._lease, self._reported = lease, self._read_reported(lease)
        self._accounts.take(self._ledger.units, view.statuses)
        states = {name: self._state(view, name).to_json() for name in self._present(view)}
        # What is started now has another state in a moment.
        passing = {n for n in view.steps[Action.START] if not self._is_blocked(view, n)}
        said = {name: one.value for name, one in self._reported.items()}
        passing = {n for n in passing if said.get(n)}
        changed = [n for n in sorted(states) if said.get(n) != states[n]]
        changed = [n for n in changed if n not in passing]
        gone = sorted(self._reported.keys() - states.keys() - unreadable)
        for batch in batches([*gone, *changed], MAX_OPERATIONS // 2):
            if not self._publish(lease, batch, states, view):
                return False
        return True

    def _present(self, view: _View) -> set[str]:
        return self._ledger.units.keys() | {name for name, one in view.wanted.items() if one.here}

    def _state(self, view: _View, name: str) -> UnitState:
        unit, wanted = self._ledger.units.get(name), view.wanted.get(name)
        status, problem = view.statuses.get(name, UNKNOWN), self._problems.get(name)
        if unit is None and wanted is not None:
            # Whatever systemd has of this name is not the unit that is meant.
            unit, status = _new(wanted), UNKNOWN
        assert unit is not None
        return UnitState(
            load=status.load,
            active=status.active,
            sub=status.sub,
            sha=unit.sha,
            since=status.since,
            orphan=not unit.revision,
            problem=problem.reason if problem else "",
            journal=self._accounts.journal(name),
            start_requested_at=unit.told,
            job=self._accounts.job(name, unit, status),
            reason=self._accounts.reason(name),
        )

    def _read_reported(self, lease: int) -> dict[str, _Reported]:
        entries = self._store.read(f"{STATES}{self._machine}/").entries
        return {
            split_key(key, STATES)[1]: _Reported(
                entry.value if entry.lease == lease else "", entry.mod_revision
            )
            for key, entry in entries.items()
        }

    def _publish(
        self, lease: int, names: list[str], states: Mapping[str, str], view: _View
    ) -> bool:
        """Write some states, each in the place of the one that was read.

        A commit that seemed to fail may still be done, late: it must not undo this one.
        """
        reported = self._reported
        assert reported is not None
        operations: list[Operation] = []
        conditions: list[Unchanged] = []
        for name in names:
            key, before = state_key(self._machine, name), reported.get(name, _UNREPORTED)
            operations.append(Put(key, states[name], lease) if name in states else Delete(key))
            conditions.append(Unchanged(key, before.revision))
            if name in view.wanted and not before.value:
                revision = view.wanted[name].revision
                conditions.append(Unchanged(schedule_key(self._machine, name), revision))
        self._reported = None  # Until it is certain what has happened.
        revision = self._store.commit(operations, *conditions)
        if revision:
            kept = {name: one for name, one in reported.items() if name not in names}
            written = {n: _Reported(states[n], revision) for n in names if n in states}
            self._reported = kept | written
        return bool(revision)


def _read(schedule: Mapping[str, KeyValue]) -> tuple[dict[str, _Wanted], dict[str, str]]:
    """The readable assignments, and why the others are not, by unit."""
    wanted: dict[str, _Wanted] = {}
    unreadable: dict[str, str] = {}
    for key, entry in schedule.items():
        _, name = split_key(key, SCHEDULE)
        try:
            wanted[name] = _Wanted(Assignment.from_json(entry.value), entry.mod_revision)
        except BadRecordError as error:
            unreadable[name] = str(error)
    return wanted, unreadable


def _misnomer(name: str) -> str:
    """Why no unit of this name can run; empty when one can. systemd is not asked about it."""
    try:
        check_runs(name)
    except UnitFileError as error:
        return str(error)
    return ""


def _of_units(names: Iterable[str], refused: Mapping[str, str]) -> dict[str, str]:
    """Those refusals that are of these units; a template has no state that could tell."""
    for name in refused.keys() - set(names):
        log.error("the template %s is not as it should be: %s", name, refused[name])
    return {name: refused[name] for name in names if name in refused}


def _log(event: str, verb: str, name: str, wanted: _Wanted) -> None:
    told = f"assigned {wanted.assignment.desired_state} at revision {wanted.revision}"
    log.info("%s %s: %s", verb, name, told, extra=about(event, name, revision=wanted.revision))


def _cluster_id(entry: KeyValue | None) -> str:
    try:
        return Cluster.from_json(entry.value).id if entry else ""
    except BadRecordError as error:
        return f"unreadable: {error}"


def _new(wanted: _Wanted) -> LocalUnit:
    return LocalUnit(wanted.assignment.sha, Progress.WRITING, revision=wanted.revision)


def _foreign(name: str, origin: str) -> str:
    return (
        f"the machine has its own unit of this name ({origin}), which is left alone: "
        f"give yours another name, and give this one up: fleetctl destroy {name}"
    )


def _is_stopping(status: UnitStatus) -> bool:
    return status.job or status.active == "deactivating"


def _found(sha: str, status: UnitStatus) -> LocalUnit:
    """A unit whose record was lost: whatever shows that it ran counts as started."""
    ran = not is_at_rest(status) or status.active == "failed" or status.since > 0
    return LocalUnit(sha, Progress.STARTED if ran else Progress.LOADED, status.since)
