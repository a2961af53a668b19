"""A store, a systemd, a clock and a disk in memory, with the semantics of the real ones.

Each may be given a `gate` that is passed before and after everything that it does; a gate that
raises is a fault there: a process killed, a connection lost, an answer that never arrived.
"""

import errno
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from fleet_cluster.fleet.kv import (
    MAX_OPERATIONS,
    Changes,
    Condition,
    CreatedAt,
    KeyValue,
    KVUnavailableError,
    LeaseLostError,
    Operation,
    Put,
    Snapshot,
)
from fleet_cluster.fleet.systemd.manager import SystemdError, UnitStatus
from fleet_cluster.fleet.unitfiles.names import is_template
from fleet_cluster.fleet.unitfiles.text import sha_of

T = TypeVar("T")

Gate = Callable[[str], None]


def open_gate(_point: str) -> None:
    """A gate that lets everything pass."""


class FakeClock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


FULL = OSError(errno.ENOSPC, "No space left on device")


class MemoryFile:
    """A `StateFile`."""

    def __init__(self, gate: Gate = open_gate) -> None:
        self.crowded = ""
        self.text = ""
        self.gate = gate
        self.full = False
        """Whether its disk has no room, and none was kept."""
        self.tight = False
        """Whether it has only the room that was kept."""

    def load(self) -> str:
        return self.text

    def save(self, text: str) -> None:
        self.gate("before save")
        if self.full:
            raise FULL
        self.crowded = str(FULL) if self.tight else ""
        self.text = text
        self.gate("after save")


@dataclass
class _Watching:
    prefix: str
    on_changes: Callable[[Changes], None]
    on_lost: Callable[[], None]
    position: int
    """Of the next change to deliver, in the store's history."""
    active: bool = True

    def cancel(self) -> None:
        self.active = False

    def lose(self) -> None:
        if self.active:
            self.active = False
            self.on_lost()


@dataclass
class _Lease:
    ttl: int
    expires: float


class MemoryStore:
    """A `Store`: etcd in memory. Leases end with the clock, in `tick`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.entries: dict[str, KeyValue] = {}
        self.revision = 1
        self.leases: dict[int, _Lease] = {}
        self.on_commit: Callable[[Changes], None] = lambda _changes: None
        self._clock = clock
        self._last_lease = 0
        self._history: list[Changes] = []
        self._compacted = 0
        """The history begins after this revision."""
        self._watches: list[_Watching] = []

    def read(self, prefix: str) -> Snapshot:
        found = {key: entry for key, entry in self.entries.items() if key.startswith(prefix)}
        return Snapshot(self.revision, found)

    def get(self, keys: Collection[str]) -> Snapshot:
        return Snapshot(self.revision, {k: self.entries[k] for k in keys if k in self.entries})

    def commit(self, operations: Sequence[Operation], *conditions: Condition) -> int:
        assert 0 < len(operations) <= MAX_OPERATIONS
        assert len(conditions) <= MAX_OPERATIONS
        assert len({operation.key for operation in operations}) == len(operations)
        if not all(self._holds(condition) for condition in conditions):
            return 0
        for operation in operations:
            if isinstance(operation, Put) and operation.lease not in {0, *self.leases}:
                raise LeaseLostError("requested lease not found")
        return self._apply(operations)

    def watch(
        self,
        prefix: str,
        after: int,
        on_changes: Callable[[Changes], None],
        on_lost: Callable[[], None],
    ) -> _Watching:
        seen = sum(changes.revision <= after for changes in self._history)
        watching = _Watching(prefix, on_changes, on_lost, seen)
        if after < self._compacted:
            watching.lose()
        self._deliver(watching)
        self._watches = [*(each for each in self._watches if each.active), watching]
        return watching

    def grant(self, ttl: int) -> int:
        self._last_lease += 1
        self.leases[self._last_lease] = _Lease(ttl, self._clock() + ttl)
        return self._last_lease

    def keep_alive(self, lease: int) -> int:
        if lease not in self.leases:
            raise LeaseLostError("it has expired")
        self.leases[lease].expires = self._clock() + self.leases[lease].ttl
        return self.leases[lease].ttl

    def revoke(self, lease: int) -> None:
        if self.leases.pop(lease, None):
            self._delete([key for key, entry in self.entries.items() if entry.lease == lease])

    def tick(self) -> list[int]:
        """End the leases whose time is over; returns them."""
        over = [id for id, lease in self.leases.items() if lease.expires <= self._clock()]
        for lease in over:
            self.revoke(lease)
        return over

    def extend_leases(self) -> None:
        """What a new leader of etcd does: each lease has its full time again."""
        for lease in self.leases.values():
            lease.expires = self._clock() + lease.ttl

    def lose_watches(self) -> None:
        """End all watches, as a member does that stops."""
        for watching in self._watches:
            watching.lose()
        self._watches.clear()

    def wipe(self) -> None:
        """A new, empty cluster in the place of this one."""
        self.restore(Snapshot(1, {}))

    def restore(self, snapshot: Snapshot) -> None:
        """An older state in the place of this one; leases are gone."""
        self.entries = {key: entry for key, entry in snapshot.entries.items() if not entry.lease}
        self.revision = self._compacted = snapshot.revision
        self.leases.clear()
        self._history.clear()
        self.lose_watches()

    def put(self, key: str, value: str) -> None:
        """Write one key without conditions, as an operator does."""
        self.commit([Put(key, value)])

    def remove(self, *keys: str) -> None:
        """Delete keys without conditions, as an operator does."""
        self._delete(list(keys))

    def value(self, key: str) -> str | None:
        """The value of a key."""
        return self.entries[key].value if key in self.entries else None

    def _holds(self, condition: Condition) -> bool:
        entry = self.entries.get(condition.key)
        if isinstance(condition, CreatedAt):
            return entry is not None and entry.create_revision == condition.create_revision
        return (entry.mod_revision if entry else 0) == condition.mod_revision

    def _apply(self, operations: Sequence[Operation]) -> int:
        """The revision of the change; those who watch may have made others by then."""
        revision = self.revision = self.revision + 1
        puts: dict[str, KeyValue] = {}
        deletes: set[str] = set()
        for operation in operations:
            key, old = operation.key, self.entries.get(operation.key)
            if isinstance(operation, Put):
                created = old.create_revision if old else revision
                puts[key] = KeyValue(key, operation.value, created, revision, operation.lease)
            elif old:
                deletes.add(key)
        self._publish(Changes(revision, puts, frozenset(deletes)))
        return revision

    def _delete(self, keys: Collection[str]) -> None:
        present = frozenset(key for key in keys if key in self.entries)
        if present:
            self.revision += 1
            self._publish(Changes(self.revision, {}, present))

    def _publish(self, changes: Changes) -> None:
        self.on_commit(changes)
        self.entries.update(changes.puts)
        for key in changes.deletes:
            del self.entries[key]
        self._history.append(changes)
        for watching in list(self._watches):
            self._deliver(watching)

    def _deliver(self, watching: _Watching) -> None:
        """In order, also when another watch made a change while it was told of the one before."""
        while watching.active and watching.position < len(self._history):
            watching.position += 1
            _deliver(watching, self._history[watching.position - 1])


def _deliver(watching: _Watching, changes: Changes) -> None:
    puts = {key: e for key, e in changes.puts.items() if key.startswith(watching.prefix)}
    deletes = frozenset(key for key in changes.deletes if key.startswith(watching.prefix))
    if watching.active and (puts or deletes):
        watching.on_changes(Changes(changes.revision, puts, deletes))


class Line:
    """A `Store`: one process's connection to the store; it can break."""

    def __init__(
        self,
        store: MemoryStore,
        gate: Gate = open_gate,
        is_late: Callable[[Callable[[], object]], bool] = lambda _commit: False,
    ) -> None:
        """`is_late` may keep a commit back: it seems to fail, and whoever has it does it later."""
        self.up = True
        self.mute = False
        """Requests are lost on their way; watches deliver."""
        self.deaf = False
        """Requests arrive, answers do not."""
        self.gate = gate
        self._is_late = is_late
        self._store = store
        self._watches: list[_Watching] = []
        self._lag: list[Callable[[], None]] | None = None
        self._delivered: deque[Callable[[], None]] = deque(maxlen=20)

    def cut(self) -> None:
        """No request gets through, and watches are lost."""
        self.up = False
        self.hang_up()

    @property
    def lags(self) -> bool:
        """Whether anything may be kept back."""
        return self._lag is not None

    def lag(self) -> None:
        """Keep back what the watches deliver, until `catch_up`."""
        self._lag = self._lag or []

    def catch_up(self) -> None:
        """Deliver what was kept back."""
        kept, self._lag = self._lag or [], None
        for deliver in kept:
            deliver()

    def repeat(self, changes: int) -> None:
        """Deliver the last changes again."""
        for deliver in list(self._delivered)[-changes:]:
            deliver()

    def hang_up(self) -> None:
        """Lose the watches, and what they have not delivered."""
        if self._lag:
            self._lag.clear()
        self._delivered.clear()
        for watching in self._watches:
            watching.lose()
        self._watches.clear()

    def read(self, prefix: str) -> Snapshot:
        return self._ask(f"read {prefix}", lambda: self._store.read(prefix))

    def get(self, keys: Collection[str]) -> Snapshot:
        return self._ask("get", lambda: self._store.get(keys))

    def commit(self, operations: Sequence[Operation], *conditions: Condition) -> int:
        point = f"commit {operations[0].key}"

        def commit() -> int:
            return self._store.commit(operations, *conditions)

        if self.up and not self.mute and self._is_late(commit):
            raise KVUnavailableError(f"no answer to {point}")
        return self._ask(point, commit)

    def watch(
        self,
        prefix: str,
        after: int,
        on_changes: Callable[[Changes], None],
        on_lost: Callable[[], None],
    ) -> _Watching:
        self.gate(f"before watch {prefix}")
        watching = self._store.watch(prefix, after, self._lagging(on_changes), on_lost)
        self._watches = [*(each for each in self._watches if each.active), watching]
        if not self.up:
            watching.lose()
        return watching

    def grant(self, ttl: int) -> int:
        return self._ask("grant", lambda: self._store.grant(ttl))

    def keep_alive(self, lease: int) -> int:
        return self._ask("keep_alive", lambda: self._store.keep_alive(lease))

    def revoke(self, lease: int) -> None:
        self._ask("revoke", lambda: self._store.revoke(lease))

    def _lagging(self, on_changes: Callable[[Changes], None]) -> Callable[[Changes], None]:
        def deliver(changes: Changes) -> None:
            if self._lag is None:
                self._delivered.append(lambda: on_changes(changes))
                on_changes(changes)
            else:
                self._lag.append(lambda: deliver(changes))

        return deliver

    def _ask(self, point: str, request: Callable[[], T]) -> T:
        self.gate("before " + point)
        if not self.up or self.mute:
            raise KVUnavailableError("the line is cut")
        answer = request()
        if self.deaf:
            raise KVUnavailableError(f"no answer to {point}")
        self.gate("after " + point)
        return answer


SLEEPS = "[Service]\nExecStart=/bin/sleep inf\n"
FAILS = "[Service]\nExecStart=/bin/false\n"
ENDS = "[Service]\nType=oneshot\nExecStart=/bin/true\n"


@dataclass
class _Loaded:
    """What systemd keeps of a unit."""

    text: str | None = None
    active: str = "inactive"
    sub: str = "dead"
    since: float = 0.0
    job: str = ""
    result: str = ""


@dataclass(frozen=True)
class Started:
    """A process that was run."""

    name: str
    sha: str
    at: float


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
    tied: set[str] = field(default_factory=set[str])
    """Units that systemd starts with what they are bound to."""
    made_up: set[str] = field(default_factory=set[str])
    """Slices without a file, loaded and active because a unit names them."""
    reloads: dict[str, str] = field(default_factory=dict[str, str])
    """How the last reload of a unit has ended, as a test says; empty while it is under way."""
    unwritable: dict[str, str] = field(default_factory=dict[str, str])
    """The units whose files can be neither written nor removed, and why."""
    full: bool = False
    """Whether its disk has no room: then systemd reads no files anew."""
    refuse_reload: str = ""
    going_down: bool = False
    stopped_by_fence: set[str] = field(default_factory=set[str])
    journals_read: list[str] = field(default_factory=list[str])
    journals_since: dict[str, float] = field(default_factory=dict[str, float])
    """From when on each unit's journal was read the last time."""
    on_start: Callable[[str], None] = lambda _name: None
    on_stop: Callable[[str], None] = lambda _name: None
    on_end: Callable[[str], None] = lambda _name: None
    """Told of units that have ended by themselves."""

    def __post_init__(self) -> None:
        self._units: dict[str, _Loaded] = {}
        self._on_change: Callable[[], None] = lambda: None
        for name, text in self.foreign.items():
            self._units[name] = _Loaded(text, "active", "running", since=1.0)

    def status(self, names: Iterable[str]) -> dict[str, UnitStatus]:
        self.gate("before status")
        names = list(names)
        for name in names:
            if is_template(name):
                raise SystemdError(f"Unit name {name} is missing the instance name.")
        return {name: self._status(name) for name in names}

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

    def tie(self, names: Iterable[str]) -> bool:
        self.gate("before tie")
        tied = {name for name in names if "BindsTo=" in self.disk.get(name, "")}
        changed, self.tied = tied != self.tied, tied
        return changed

    def bound(self, name: str) -> set[str]:
        return {one for one in self.tied if f"BindsTo={name}" in self.disk.get(one, "")}

    def files(self, names: Iterable[str] | None = None) -> dict[str, str]:
        self.gate("before files")
        wanted = self.disk.keys() if names is None else names
        return {name: sha_of(self.disk[name]) for name in wanted if name in self.disk}

    def unread(self, names: Iterable[str]) -> set[str]:
        return {n for n in names if self._units.get(n, _Loaded()).text != self._text(n)}

    def reload(self) -> str:
        self.gate("before reload")
        self.calls.append("reload")
        if self.full or self.refuse_reload:
            return self.refuse_reload or str(FULL)
        for name in self._units.keys() | self.disk.keys() | self.foreign.keys():
            self._units.setdefault(name, _Loaded()).text = self._text(name)
        self._units = {n: unit for n, unit in self._units.items() if unit.text or _is_up(unit)}
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

    def fenced(self) -> set[str]:
        return set(self.stopped_by_fence)

    def release(self, names: Iterable[str]) -> None:
        self.gate("before release")
        self.stopped_by_fence.difference_update(names)
        self.gate("after release")

    def up(self) -> list[str]:
        """What the fence sees: a `fence.Units` is here too, of another process without gates."""
        up = (name for name, unit in self._units.items() if _is_up(unit))
        return sorted(name for name in up if "Fence=true" in (self._units[name].text or ""))

    def fence(self, names: Collection[str]) -> None:
        """The fence queues stop jobs."""
        self.stopped_by_fence.update(names)
        for name in names:
            self._units[name].job = "stop"

    def kill(self, names: Collection[str]) -> None:
        """The fence kills."""
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

    def stopping(self) -> bool:
        return self.going_down

    def subscribe(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change

    def work(self) -> None:
        """Do all queued jobs."""
        for name, unit in list(self._units.items()):
            job, unit.job = unit.job, ""
            if job == "stop":
                unit.result = ""
            elif job:
                unit.result = self.skipped.get(name, ("done", ""))[0]
            if job == "start" and name in self.skipped:
                pass
            elif job == "start" and unit.text and not _is_up(unit):
                self._run(name, unit, unit.text)
            elif job == "stop" and _is_up(unit):
                self._end(name, unit, "inactive")
            elif job == "restart" and unit.text:
                if _is_up(unit):
                    self._end(name, unit, "inactive")
                self._run(name, unit, unit.text)
            if job:
                self._on_change()

    def fail(self, name: str) -> None:
        """The unit's process ends with an error."""
        self._end(name, self._units[name], "failed")
        self._on_change()

    def forget_jobs(self) -> None:
        """How jobs have ended is only told to those who listen then."""
        for unit in self._units.values():
            unit.result = ""

    def reboot(self) -> None:
        """Everything that was in memory is gone."""
        for name, unit in self._units.items():
            if _is_up(unit):
                self._end(name, unit, "inactive")
        self.disk.clear()
        self._units.clear()
        self.stopped_by_fence.clear()

    def active(self, name: str) -> str:
        """The unit's ACTIVE state."""
        return self._units.get(name, _Loaded()).active

    def running(self) -> dict[str, str]:
        """The units that are up, to the SHA-256 of what they run."""
        up = {name: unit.text for name, unit in self._units.items() if _is_up(unit)}
        return {name: sha_of(text or "") for name, text in up.items()}

    def present(self) -> set[str]:
        """The units that are up, or have a file."""
        return {name for name, unit in self._units.items() if _is_up(unit)} | self.disk.keys()

    def _status(self, name: str) -> UnitStatus:
        unit = self._units.get(name, _Loaded())
        if name in self.made_up and unit.active == "inactive":
            unit = _Loaded("", "active", "active", since=1.0)
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
            elif unit and (job == "restart" or _is_up(unit) != (job == "start")):
                unit.job = job
            elif unit and unit.job:
                unit.job = ""
                self._on_change()
            self.gate(f"after {job} {name}")
        return refused

    def _run(self, name: str, unit: _Loaded, text: str) -> None:
        self.starts.append(Started(name, sha_of(text), self.clock()))
        self.on_start(name)
        unit.active, unit.sub, unit.since = "active", "running", self.clock()
        if text == FAILS:
            unit.active, unit.sub = "failed", "failed"
        elif text.startswith(ENDS):
            unit.active, unit.sub = "inactive", "dead"
        if not _is_up(unit):
            self.on_end(name)

    def _end(self, name: str, unit: _Loaded, active: str) -> None:
        self.stops.append(name)
        self.on_stop(name)
        unit.active, unit.sub, unit.since = active, "dead", self.clock()


def _is_up(unit: _Loaded) -> bool:
    return unit.active in ("active", "activating", "deactivating")
