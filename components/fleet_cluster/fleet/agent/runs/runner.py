"""The runner: runs what is handed to this machine, each once, and reports how it ended.

It takes a run by creating its report, in a transaction that compares the run as it was handed out:
from then on nobody else gets it. A fleetd that is killed anywhere goes on from the report: by
systemd's id of the unit's last invocation it knows whether the run has begun.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from ...coordination.watch_cache import WatchCache
from ...journal_log import about
from ...kv import KV, KeyValue, Put, Unchanged
from ...model.keys import RUN_REPORTS, RUNS, run_report_key
from ...model.printable import printable
from ...model.record import BadRecordError
from ...model.runs import LOST, Run, RunReport
from ...systemd.manager import RESTING, Systemd, is_at_rest
from ..checkpoint import Checkpoint, Progress

log = logging.getLogger(__name__)

NOT_STARTED = "not-started"
"""systemd has not started it: a condition was not met, or it refused."""
READY = (Progress.LOADED, Progress.STARTED)
"""How far a unit has come that systemd can run."""


class Runner:
    """A runner, in the loop's thread. Its calls raise what store and systemd raise, anywhere."""

    def __init__(
        self,
        machine: str,
        boot: str,
        store: KV,
        systemd: Systemd,
        checkpoint: Checkpoint,
        wake: Callable[[], None],
        wall_clock: Callable[[], float],
    ) -> None:
        """`boot`: what the machine is booted as; `wall_clock`: seconds since 1970."""
        self._machine = machine
        self._boot = boot
        self._store = store
        self._systemd = systemd
        self._checkpoint = checkpoint
        self._wall_clock = wall_clock
        self.runs = WatchCache(store, RUNS, wake)
        self.reports = WatchCache(store, f"{RUN_REPORTS}{machine}/", wake)
        self.running: frozenset[str] = frozenset()
        """The units whose run has begun here, and is not known to have ended."""
        self._started: set[str] = set()
        """Those that systemd was told to start since fleetd was."""
        self._faulty: set[str] = set()
        self._known: dict[str, tuple[KeyValue, Run | None]] = {}
        """The runs of the last round, by key; None for those of other machines."""

    def close(self) -> None:
        """End the watches."""
        self.runs.close()
        self.reports.close()

    def follow(self, announced: bool) -> None:
        """Take what is handed to this machine; go on with what it has taken.

        Args:
            announced: whether the leader can see that the machine is alive: otherwise nothing is
                begun.
        """
        if self._checkpoint.distrusts or not self.reports.settled:
            return
        busy, running = set[str](), set[str]()
        mine = self._handed_here()
        for key, (entry, run) in sorted(mine.items(), key=lambda one: one[1][1].due):
            unit, id = key.removeprefix(RUNS).rsplit("/", 1)
            report_key = run_report_key(self._machine, unit, id)
            there = self.reports.entries.get(report_key)
            report = self._report(there) if there else None
            if there and (report is None or report.result):
                continue
            if report:
                busy.add(unit)
                if self._go_on(report_key, unit, there, report, run, announced):
                    running.add(unit)
            elif announced and unit not in busy and not run.outcome:
                self._take(report_key, unit, entry, run)
                busy.add(unit)
        self.running = frozenset(running)
        self._started &= {self._report_key(key) for key in mine}

    def _handed_here(self) -> Mapping[str, tuple[KeyValue, Run]]:
        self._known = {key: self._decoded(key, one) for key, one in self.runs.entries.items()}
        return {key: (entry, run) for key, (entry, run) in self._known.items() if run}

    def _decoded(self, key: str, entry: KeyValue) -> tuple[KeyValue, Run | None]:
        """A run that is this machine's, or none; decoded when it changes.

        A cluster may have thousands, and each machine looks at all of them in each round.
        """
        known = self._known.get(key)
        if known and known[0] is entry:
            return known
        run = self._run(entry) if "/" in key.removeprefix(RUNS) else None
        return entry, run if run and run.machine == self._machine else None

    def _report_key(self, key: str) -> str:
        return f"{RUN_REPORTS}{self._machine}/{key.removeprefix(RUNS)}"

    def _take(self, key: str, unit: str, entry: KeyValue, run: Run) -> None:
        """Take a run, if it can begin now; it waits for what runs of the unit."""
        if run.data and run.data != self._checkpoint.cluster:
            return
        if not self._is_ready(unit) or not is_at_rest(self._systemd.status([unit])[unit]):
            return
        before = self._systemd.last_run(unit).invocation
        report = RunReport(self._boot, before, started=self._wall_clock())
        handed_out = Unchanged(entry.key, entry.mod_revision), Unchanged(key, 0)
        revision = self._store.commit([Put(key, report.to_json())], *handed_out)
        if not revision:
            return
        self.reports.expect(revision)
        self._start(key, unit, revision, report)

    def _is_ready(self, unit: str) -> bool:
        local = self._checkpoint.units.get(unit)
        return local is not None and local.progress in READY

    def _start(self, key: str, unit: str, revision: int, report: RunReport) -> None:
        """What was asked for does not count towards the start limit: that is for restarts."""
        log.info("running %s (%s)", unit, key, extra=about("run", unit))
        self._systemd.reset_failed([unit])
        self._started.add(key)
        refused = self._systemd.start([unit]).get(unit)
        if refused:
            log.error("%s cannot be run: %s", unit, refused, extra=about("run", unit))
            self._end(key, revision, replace(report, result=NOT_STARTED))

    def _go_on(
        self,
        key: str,
        unit: str,
        entry: KeyValue | None,
        report: RunReport,
        run: Run,
        announced: bool,
    ) -> bool:
        """Report the end of a run that has one; whether it goes on."""
        revision = entry.mod_revision if entry else 0
        # What is being stopped has an end, too.
        if report.boot != self._boot or unit not in self._checkpoint.units:
            if announced:  # Another machine that has this one's id may run it.
                self._end(key, revision, replace(report, result=LOST))
            return False
        status = self._systemd.status([unit])[unit]
        if status.job or status.active not in RESTING:
            return True
        last = self._systemd.last_run(unit)
        if last.invocation != report.invocation:
            ended = max(last.ended, report.started)
            done = replace(report, ended=ended, result=last.result, exit_code=last.exit_code)
            self._end(key, revision, done)
        elif key in self._started or run.outcome:  # What was given up is not begun late.
            self._end(key, revision, replace(report, ended=self._wall_clock(), result=NOT_STARTED))
        elif announced:
            self._start(key, unit, revision, report)
            return True
        return False

    def _end(self, key: str, revision: int, report: RunReport) -> None:
        """Report the end; one that was pruned meanwhile needs none."""
        written = self._store.commit([Put(key, report.to_json())], Unchanged(key, revision))
        if written:
            self.reports.expect(written)
            log.info("%s ended: %s", key, report.result, extra=about("run"))

    def _run(self, entry: KeyValue) -> Run | None:
        try:
            return Run.from_json(entry.value)
        except BadRecordError:
            return None  # The leader tells of it.

    def _report(self, entry: KeyValue) -> RunReport | None:
        try:
            return RunReport.from_json(entry.value)
        except BadRecordError as error:
            if entry.key not in self._faulty:
                self._faulty.add(entry.key)
                log.error("%s cannot be used: %s", printable(entry.key), error)
            return None
