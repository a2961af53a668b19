"""systemd in memory: files on a disk, units, and jobs that are done when a test says so."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from fleet_cluster.fleet.systemd.fence import ENDING
from fleet_cluster.fleet.systemd.manager import LastRun, SystemdError, UnitStatus
from fleet_cluster.fleet.unitfiles.names import is_template
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.clock import FULL, Gate, open_gate
from tests.unit.fleet.fakes.units import ENDS, FAILS, Loaded, Started, is_up


@dataclass
class FakeSystemd:
    """A `Systemd` with a disk. Jobs are done in `work`, as often as a test calls it."""

    clock: Callable[[], float]
    gate: Gate = open_gate
    disk: dict[str, str] = field(default_factory=dict[str, str])
    foreign: dict[str, str] = field(default_factory=dict[str, str])
    starts: list[Started] = field(default_factory=list[Started])
    stops: list[str] = field(default_factory=list[str])
    calls: list[str] = field(default_factory=list[str])
    refuse: dict[str, str] = field(default_factory=dict[str, str])
    skipped: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Units that their start job does not start: how it ends, and systemd's reason."""
    linked: set[str] = field(default_factory=set[str])
    """Units that systemd starts with what they are bound to."""
    made_up: set[str] = field(default_factory=set[str])
    """Slices without a file, loaded and active because a unit names them."""
    reloads: dict[str, str] = field(default_factory=dict[str, str])
    """How the last reload of a unit has ended, as a test says; empty while it is under way."""
    unwritable: dict[str, str] = field(default_factory=dict[str, str])
    """The units whose files can be neither written nor removed, and why."""
    machines_down: set[str] = field(default_factory=set[str])
    """The machine's own units that are enabled, and do not run."""
    lasting: dict[str, float] = field(default_factory=dict[str, float])
    """How many seconds the processes of oneshot units take."""
    full: bool = False
    """Whether its disk has no room: then systemd reads no files anew."""
    refuse_reload: str = ""
    going_down: bool = False
    fenced_looks: list[set[str]] = field(default_factory=list[set[str]])
    """The fenced units that are still up, look by look."""
    stopped_by_fence: set[str] = field(default_factory=set[str])
    journals_read: list[str] = field(default_factory=list[str])
    journals_since: dict[str, float] = field(default_factory=dict[str, float])
    """From when on each unit's journal was read the last time."""
    on_start: Callable[[str], None] = lambda _name: None
    on_stop: Callable[[str], None] = lambda _name: None
    on_end: Callable[[str], None] = lambda _name: None
    """Told of units that have ended by themselves."""

    def __post_init__(self) -> None:
        self._units: dict[str, Loaded] = {}
        self._invocations = 0
        self._on_change: Callable[[], None] = lambda: None
        for name, text in self.foreign.items():
            self._units[name] = Loaded(text, "active", "running", since=1.0)

    def status(self, names: Iterable[str]) -> dict[str, UnitStatus]:
        self.gate("before status")
        names = list(names)
        for name in names:
            if is_template(name):
                raise SystemdError(f"Unit name {name} is missing the instance name.")
        return {name: self._status(name) for name in names}

    def follow(self, names: Iterable[str]) -> dict[str, UnitStatus]:
        return self.status(names)

    def write(self, files: Mapping[str, str]) -> dict[str, str]:
        for name, text in files.items():
            if name in self.unwritable or self.full:
                continue
            self.gate(f"before write {name}")
            self.disk[name] = text
            self.stopped_by_fence.discard(name)
            self.gate(f"after write {name}")
        if self.full:
            return dict.fromkeys(files, str(FULL))
        return {name: why for name, why in self.unwritable.items() if name in files}

    def remove(self, names: Iterable[str]) -> dict[str, str]:
        names = list(names)
        for name in names:
            if name in self.unwritable and name in self.disk:
                continue
            self.gate(f"before remove {name}")
            self.disk.pop(name, None)
            self.stopped_by_fence.discard(name)
            unit = self._units.get(name)
            if unit and unit.active == "failed":
                unit.active, unit.sub = "inactive", "dead"
            self.gate(f"after remove {name}")
        stuck = self.unwritable.keys() & self.disk.keys() & set(names)
        return {name: self.unwritable[name] for name in stuck}

    def link_dependencies(self, names: Iterable[str]) -> bool:
        self.gate("before link")
        linked = {name for name in names if "BindsTo=" in self.disk.get(name, "")}
        changed, self.linked = linked != self.linked, linked
        return changed

    def bound(self, name: str) -> set[str]:
        return {one for one in self.linked if f"BindsTo={name}" in self.disk.get(one, "")}

    def files(self, names: Iterable[str] | None = None) -> dict[str, str]:
        self.gate("before files")
        wanted = self.disk.keys() if names is None else names
        return {name: sha_of(self.disk[name]) for name in wanted if name in self.disk}

    def unread(self, names: Iterable[str]) -> set[str]:
        return {n for n in names if self._units.get(n, Loaded()).text != self._text(n)}

    def reload(self) -> str:
        self.gate("before reload")
        self.calls.append("reload")
        if self.full or self.refuse_reload:
            return self.refuse_reload or str(FULL)
        for name in self._units.keys() | self.disk.keys() | self.foreign.keys():
            self._units.setdefault(name, Loaded()).text = self._text(name)
        self._units = {n: unit for n, unit in self._units.items() if unit.text or is_up(unit)}
        self.gate("after reload")
        return ""

    def start(self, names: Iterable[str]) -> dict[str, str]:
        return self._queue("start", list(names))

    def stop(self, names: Iterable[str]) -> dict[str, str]:
        return self._queue("stop", list(names))

    def restart(self, names: Iterable[str]) -> dict[str, str]:
        return self._queue("restart", list(names))

    def reload_units(self, names: Iterable[str]) -> dict[str, str]:
        refused: dict[str, str] = {}
        for name in names:
            self.gate(f"before reload {name}")
            if "ExecReload=" in (self._units[name].text or ""):
                self.calls.append(f"reload {name}")
                self.reloads[name] = ""
            else:
                refused[name] = f"Job type reload is not applicable for unit {name}."
            self.gate(f"after reload {name}")
        return refused

    def reloaded(self, name: str) -> str:
        self.gate(f"before reloaded {name}")
        return self.reloads.get(name, "unknown")

    def reset_failed(self, names: Iterable[str]) -> dict[str, str]:
        for name in names:
            self.gate(f"before reset-failed {name}")
            self.calls.append(f"reset-failed {name}")
            unit = self._units.get(name)
            if unit and unit.active == "failed":
                unit.active, unit.sub = "inactive", "dead"
            self.gate(f"after reset-failed {name}")
        return {}

    def origins(self, names: Iterable[str]) -> dict[str, str]:
        self.gate("before origins")
        return {name: f"/lib/systemd/system/{name}" for name in names if name in self.foreign}

    def down(self, names: Iterable[str]) -> set[str]:
        self.gate("before down")
        return self.machines_down & set(names)

    def fenced(self) -> set[str]:
        return set(self.stopped_by_fence)

    def release(self, names: Iterable[str]) -> None:
        self.gate("before release")
        self.stopped_by_fence.difference_update(names)
        self.gate("after release")

    def up(self) -> dict[str, str]:
        """What the fence sees: a `fence.Units` is here too, of another process without gates."""
        return {
            name: ENDING if unit.job == "stop" else "active"
            for name, unit in self._units.items()
            if is_up(unit) and "Fence=true" in (unit.text or "")
        }

    def fence(self, names: Collection[str]) -> None:
        """The fence queues stop jobs."""
        self.stopped_by_fence.update(names)
        for name in names:
            self._units[name].job = "stop"

    def kill(self, names: Collection[str]) -> None:
        """The fence kills, and has noted it."""
        self.stopped_by_fence.update(names)
        for name in names:
            self.fail(name)

    def journal(self, since: Mapping[str, float]) -> dict[str, str]:
        self.gate("before journal")
        self.journals_read += since
        self.journals_since |= since
        return {name: f"last words of {name}" for name in since}

    def reasons(self, names: Iterable[str]) -> dict[str, str]:
        self.gate("before reasons")
        return {name: self._reason(name) for name in names}

    def last_run(self, name: str) -> LastRun:
        self.gate(f"before last run {name}")
        return self._units.get(name, Loaded()).last

    def fenced_up(self) -> set[str]:
        return self.fenced_looks.pop(0) if self.fenced_looks else set()

    def stopping(self) -> bool:
        return self.going_down

    def subscribe(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change

    def work(self) -> None:
        """Do all queued jobs; end what has lasted its time."""
        for name, unit in self._units.items():
            if unit.active == "activating" and 0 < unit.ends_at <= self.clock():
                self.finish(name)
        for name, unit in list(self._units.items()):
            job, unit.job = unit.job, ""
            if job == "stop":
                unit.result = ""
            elif job:
                unit.result = self.skipped.get(name, ("done", ""))[0]
            if job == "start" and name in self.skipped:
                pass
            elif job == "start" and unit.text and not is_up(unit):
                self._run(name, unit, unit.text)
            elif job == "stop" and is_up(unit):
                self._end(name, unit, "inactive")
            elif job == "restart" and unit.text:
                if is_up(unit):
                    self._end(name, unit, "inactive")
                self._run(name, unit, unit.text)
            if job:
                self._on_change()

    def fail(self, name: str) -> None:
        """The unit's process ends with an error."""
        self._end(name, self._units[name], "failed")
        self._on_change()

    def crash(self, name: str) -> None:
        """The unit's process ends with an error, and systemd starts it again in a moment."""
        unit = self._units[name]
        unit.active, unit.sub, unit.since = "activating", "auto-restart", self.clock()
        self._on_change()

    def come_back(self, name: str) -> None:
        """systemd has started the unit again."""
        unit = self._units[name]
        unit.active, unit.sub, unit.since = "active", "running", self.clock()
        self._on_change()

    def forget_jobs(self) -> None:
        """How jobs have ended is only told to those who listen then."""
        for unit in self._units.values():
            unit.result = ""

    def reboot(self) -> None:
        """Everything that was in memory is gone."""
        for name, unit in self._units.items():
            if is_up(unit):
                self._end(name, unit, "inactive")
        self.disk.clear()
        self._units.clear()
        self.stopped_by_fence.clear()

    def active(self, name: str) -> str:
        """The unit's ACTIVE state."""
        return self._units.get(name, Loaded()).active

    def running(self) -> dict[str, str]:
        """The units that are up, to the SHA-256 of what they run."""
        up = {name: unit.text for name, unit in self._units.items() if is_up(unit)}
        return {name: sha_of(text or "") for name, text in up.items()}

    def present(self) -> set[str]:
        """The units that are up, or have a file."""
        return {name for name, unit in self._units.items() if is_up(unit)} | self.disk.keys()

    def _status(self, name: str) -> UnitStatus:
        unit = self._units.get(name, Loaded())
        if name in self.made_up and unit.active == "inactive":
            unit = Loaded("", "active", "active", since=1.0)
        load = "loaded" if unit.text is not None else "not-found"
        job = bool(unit.job)
        return UnitStatus(load, unit.active, unit.sub, unit.since, job, "" if job else unit.result)

    def _reason(self, name: str) -> str:
        if name in self.skipped:
            return self.skipped[name][1]
        return "exit-code" if self.active(name) == "failed" else ""

    def _text(self, name: str) -> str | None:
        return self.disk.get(name, self.foreign.get(name))

    def _queue(self, job: str, names: list[str]) -> dict[str, str]:
        refused: dict[str, str] = {}
        for name in names:
            self.gate(f"before {job} {name}")
            self.calls.append(f"{job} {name}")
            unit = self._units.get(name)
            if job != "stop" and (unit is None or not unit.text or name in self.refuse):
                refused[name] = self.refuse.get(name, f"Unit {name} not found.")
            elif unit and (job == "restart" or is_up(unit) != (job == "start")):
                unit.job = job
            elif unit and unit.job:
                unit.job = ""
                self._on_change()
            self.gate(f"after {job} {name}")
        return refused

    def _run(self, name: str, unit: Loaded, text: str) -> None:
        self.starts.append(Started(name, sha_of(text), self.clock()))
        self._invocations += 1
        unit.invocation = f"{self._invocations:032x}"
        self.on_start(name)
        unit.active, unit.sub, unit.since = "active", "running", self.clock()
        if text == FAILS:
            unit.active, unit.sub = "failed", "failed"
        elif text.startswith(ENDS) and self.lasting.get(name):
            unit.active, unit.sub, unit.ends_at = (
                "activating",
                "start",
                (self.clock() + self.lasting[name]),
            )
        elif text.startswith(ENDS):
            unit.active, unit.sub = "inactive", "dead"
        if not is_up(unit):
            self._note_end(unit)
            self.on_end(name)

    def finish(self, name: str) -> None:
        """The unit's process ends well, by itself."""
        unit = self._units[name]
        unit.active, unit.sub, unit.since = "inactive", "dead", self.clock()
        self._note_end(unit)
        self.on_end(name)
        self._on_change()

    def _note_end(self, unit: Loaded) -> None:
        failed = unit.active == "failed"
        result = "exit-code" if failed else "success"
        unit.last = LastRun(unit.invocation, self.clock(), result, int(failed))

    def _end(self, name: str, unit: Loaded, active: str) -> None:
        self.stops.append(name)
        self.on_stop(name)
        unit.active, unit.sub, unit.since = active, "dead", self.clock()
        self._note_end(unit)
