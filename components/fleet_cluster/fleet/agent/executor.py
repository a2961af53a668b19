"""The executor: has systemd do what is next about each unit.

Each step is written to the checkpoint before it is done, so that fleetd may be killed anywhere and
goes on where it was.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ..coordination.shutdown_delay import ShutdownDelays
from ..model.records import DesiredState
from ..systemd.manager import Systemd, UnitStatus, is_at_rest
from .actions import Action
from .assignments import log_action
from .checkpoint import Checkpoint, LocalUnit, Progress
from .problems import Problems
from .state import AgentState, misnomer
from .unit_files import UnitFiles

MAY_HAVE_RUN = (Progress.STARTING, Progress.STARTED)
"""How far the units are that the fence may have stopped, of those that are to run: it does not
wait until fleetd has noted that one was started."""


class Executor:
    """An executor of actions, on many units at once."""

    def __init__(
        self,
        systemd: Systemd,
        checkpoint: Checkpoint,
        files: UnitFiles,
        problems: Problems,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """`clock` never goes back; `wall_clock`: seconds since 1970, for people."""
        self._systemd = systemd
        self._checkpoint = checkpoint
        self._files = files
        self._problems = problems
        self._wall_clock = wall_clock
        self._delays = ShutdownDelays(clock)
        self._stopping: set[str] = set()

    def execute(self, state: AgentState, announced: bool) -> bool:
        """One action on each unit; nothing new unless `announced`. Whether more may be due now."""
        done = [
            self._note(state),
            self._stop(state),
            self._rewrite(state, announced),
            self._start(state, announced),
        ]
        return any(done)

    def delayed_for(self) -> float:
        """For how many seconds a stop still waits; 0 if none does."""
        return self._delays.left()

    def release_fenced(self, is_connected: bool) -> bool:
        """Let start again what the fence has stopped, once the lease is alive.

        Whether something has to wait.
        """
        stopped = self._systemd.fenced()
        if not stopped:
            return False
        units, statuses = self._checkpoint.units, self._systemd.status(sorted(stopped))
        ready = {n for n in stopped if is_at_rest(statuses[n])} if is_connected else set[str]()
        started = {n for n in ready & units.keys() if units[n].progress in MAY_HAVE_RUN}
        self._checkpoint.record({name: units[name].as_loaded() for name in started})
        self._systemd.release(ready)
        return ready != stopped

    def _note(self, state: AgentState) -> bool:
        """Note what turns out to have been done."""
        units = self._checkpoint.units
        started = {
            name: replace(units[name], progress=Progress.STARTED)
            for name in state.actions[Action.STARTED]
        }
        stopped = {name: units[name].as_loaded() for name in state.actions[Action.STOPPED]}
        self._checkpoint.note(started | stopped)
        return bool(started or stopped)

    def _stop(self, state: AgentState) -> bool:
        """Queue stop jobs. systemd tells when they are done: no other round at once.

        Also when it cannot be noted: another stop job does no harm.
        """
        told = {name: state.assignments[name] for name in state.actions[Action.STOP]}
        delays = {n: (one.revision, one.assignment.shutdown_delay) for n, one in told.items()}
        names = self._delays.over(told, delays)
        under_way = {name for name in self._stopping if _is_stopping(state.statuses[name])}
        new = [name for name in names if name not in under_way]
        for name in new:
            log_action("stop", "stopping", name, state.assignments[name])
        units = self._checkpoint.units
        self._checkpoint.note({n: replace(units[n], progress=Progress.STOPPING) for n in new})
        for name, reason in (self._systemd.stop(new) if new else {}).items():
            self._problems.add(name, 0, f"cannot be stopped: {reason}")
        self._stopping = set(names)
        return False

    def _rewrite(self, state: AgentState, announced: bool) -> bool:
        """Remove and write unit files, with one daemon-reload for all."""
        removed = self._unblocked(state, Action.REMOVE)
        files = self._writable(state) if announced else {}
        if not removed and not files:
            if self._systemd.link_dependencies(self._to_run(state)):
                self._files.reload()
            return False
        for name in removed:
            log_action("remove", "removing", name, state.assignments[name])
        new = {name: LocalUnit.new(state.assignments[name]) for name in files}
        refused = self._replace_files(state, removed, files, new)
        done = {*removed, *files} - refused.keys()
        for name, reason in refused.items():
            verb = "written" if name in files else "removed"
            problem = f"cannot be {verb}: {reason}"
            self._problems.add(name, state.assignments[name].revision, problem)
        self._checkpoint.note({name: new[name].as_loaded() for name in new if name in done})
        self._checkpoint.drop(done & set(removed))
        self._problems.solve(done)
        return bool(done)

    def _replace_files(
        self,
        state: AgentState,
        removed: list[str],
        files: Mapping[str, str],
        new: Mapping[str, LocalUnit],
    ) -> dict[str, str]:
        """Remove files and write `files`, noted first as half done. Why not, by unit."""
        units = self._checkpoint.units
        old = [*removed, *(name for name in files if name in units)]
        half = {name: replace(units[name], progress=Progress.WRITING) for name in removed}
        self._checkpoint.record({**half, **new})
        refused = self._files.remove(old, removed)
        refused |= self._files.write({n: files[n] for n in files if n not in refused})
        self._systemd.link_dependencies(self._to_run(state))
        done = {*removed, *files} - refused.keys()
        if done and (reason := self._files.reload()):
            refused |= dict.fromkeys(done, reason)
        return refused

    def _to_run(self, state: AgentState) -> set[str]:
        """The units that are to run here, orphans included: they come and go with others."""
        return {
            name
            for name, unit in self._checkpoint.units.items()
            if (
                state.assignments[name].assignment.desired_state is DesiredState.LAUNCHED
                if name in state.assignments
                else unit.progress is Progress.STARTED
            )
        }

    def _writable(self, state: AgentState) -> dict[str, str]:
        """The texts of the units to write; why not, for the others, becomes their problem."""
        names = self._unblocked(state, Action.WRITE)
        if not names:
            return {}
        texts = self._files.texts(state.assignments[name].assignment.sha for name in names)
        files: dict[str, str] = {}
        for name in names:
            assigned = state.assignments[name]
            if problem := self._obstacle(state, name, texts):
                self._problems.add(name, assigned.revision, problem)
            else:
                files[name] = texts[assigned.assignment.sha]
        for name, reason in self._files.take_credentials(files).items():
            self._problems.add(name, state.assignments[name].revision, reason)
            del files[name]
        return files

    def _obstacle(self, state: AgentState, name: str, texts: Mapping[str, str]) -> str:
        """Why a unit's file cannot be written; empty when it can."""
        if problem := misnomer(name):
            return problem
        if name not in self._checkpoint.units and state.status(name).load == "masked":
            return f"it is masked on the machine; there: systemctl unmask {name}"
        is_missing = state.assignments[name].assignment.sha not in texts
        return "its file is missing in the store" if is_missing else ""

    def _start(self, state: AgentState, announced: bool) -> bool:
        """Queue start jobs, and leave the units to systemd."""
        names = self._unblocked(state, Action.START)
        names = self._files.as_written(names) if announced else []
        if not names:
            return False
        for name in names:
            log_action("start", "starting", name, state.assignments[name])
        starting = self._as_starting(names, state.statuses)
        self._checkpoint.record(starting)
        self._reset_failed(names, state.statuses)
        refused = self._systemd.start(names)
        for name, reason in refused.items():
            problem = f"cannot be started: {reason}"
            self._problems.add(name, state.assignments[name].revision, problem)
        ends = {n: Progress.LOADED if n in refused else Progress.STARTED for n in names}
        self._checkpoint.note({n: replace(starting[n], progress=ends[n]) for n in names})
        self._problems.solve(name for name in names if name not in refused)
        return True

    def _as_starting(
        self, names: Iterable[str], statuses: Mapping[str, UnitStatus]
    ) -> dict[str, LocalUnit]:
        units, now = self._checkpoint.units, self._wall_clock()
        return {
            name: replace(
                units[name],
                progress=Progress.STARTING,
                since=statuses[name].since,
                start_requested_at=now,
            )
            for name in names
        }

    def _reset_failed(self, names: Iterable[str], statuses: Mapping[str, UnitStatus]) -> None:
        """What was asked for does not count towards the start limit: that is for restarts."""
        again = [n for n in names if statuses[n].since or statuses[n].active == "failed"]
        if again:
            self._systemd.reset_failed(again)

    def _unblocked(self, state: AgentState, action: Action) -> list[str]:
        """The units that this is to be done about, without those where it would fail again."""
        return [
            name
            for name in state.actions[action]
            if not self._problems.blocks(name, state.assignments[name])
        ]


def _is_stopping(status: UnitStatus) -> bool:
    return status.job or status.active == "deactivating"
