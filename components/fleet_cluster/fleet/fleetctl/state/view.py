"""All that fleet keeps in its store, as fleetctl looks at it."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import lru_cache

from ...kv import Changes, KeyValue, Snapshot
from ...model import keys
from ...model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    MachineState,
    Move,
    Order,
    Unit,
    UnitState,
)
from ...scheduler.schedule import Job, Plan, schedule
from ...unitfiles.unitfile import Requirements, UnitFile, UnitFileError, is_template, parse

PARSED_FILES = 20_000
"""How many unit files are kept parsed: more than the units of a large cluster."""


class View:
    """The records under `/fleet/` at one revision; `apply` moves it forward.

    `schedule`, `states` and `orders` are keyed by unit, then by machine.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.revision = snapshot.revision
        self.entries: dict[str, KeyValue] = {}
        self.machines: dict[str, MachineState] = {}
        self.files: dict[str, str] = {}
        self.units: dict[str, Unit] = {}
        self.marks: dict[str, Eligibility] = {}
        self.moves: dict[str, Move] = {}
        self.schedule: dict[str, dict[str, Assignment]] = defaultdict(dict)
        self.states: dict[str, dict[str, UnitState]] = defaultdict(dict)
        self.orders: dict[str, dict[str, Order]] = defaultdict(dict)
        self._withdrawn: dict[str, dict[str, Assignment]] = defaultdict(dict)
        self._plan: Plan | None = None
        for entry in snapshot.entries.values():
            self._put(entry)

    def apply(self, changes: Changes) -> None:
        """Take in what a watch delivered."""
        self.revision = changes.revision
        for key in changes.deletes:
            self._delete(key)
        for entry in changes.puts.values():
            self._put(entry)

    def preview(self, units: Mapping[str, Unit | None], texts: Mapping[str, str]) -> "View":
        """The view as it would be with these units changed, and with these files."""
        changed = View(Snapshot(self.revision, self.entries))
        changed.units |= {name: unit for name, unit in units.items() if unit}
        changed.files |= texts
        for name in [name for name, unit in units.items() if unit is None]:
            changed.units.pop(name, None)
        return changed

    def mod_revision(self, key: str) -> int:
        """When the key was last changed, for a condition; 0 when there is no such key."""
        entry = self.entries.get(key)
        return entry.mod_revision if entry else 0

    def text_of(self, name: str) -> str | None:
        """The text of a unit's file."""
        unit = self.units.get(name)
        return self.files.get(unit.sha) if unit else None

    def requirements(self, name: str) -> Requirements | None:
        """What a unit's file demands of its machine; None if its file is lost or unreadable."""
        file = self._file(name)
        return file and file.requirements

    def healthy_seconds(self, name: str) -> float:
        """For how long the unit has to stay active before it is relied on (`HealthySec=`)."""
        file = self._file(name)
        return file.healthy_seconds if file else 0.0

    def fault(self, name: str) -> str:
        """Why the unit's file is of no use to fleet; empty when it is."""
        text = self.text_of(name)
        if text is None:
            return "its file is missing in the store: fleetctl start --replace with the file"
        try:
            parse_once(name, text)
        except UnitFileError as error:
            return f"it cannot run: {error}"
        return ""

    def _file(self, name: str) -> UnitFile | None:
        text = self.text_of(name)
        return None if text is None else _parsed(name, text)

    def is_global(self, name: str) -> bool:
        """Whether the unit runs on every machine that matches."""
        requirements = self.requirements(name)
        return requirements is not None and requirements.is_global

    def assigned(self, name: str) -> Mapping[str, Assignment]:
        """The leader's instructions about a unit, by machine."""
        return self.schedule.get(name, {})

    def withdrawn(self, name: str) -> Mapping[str, Assignment]:
        """The leader's instructions to stop and remove a unit, by machine."""
        return self._withdrawn.get(name, {})

    def homes(self, name: str) -> list[str]:
        """The machines that the unit is to be on; not that where it runs until it is up there."""
        assigned = self.assigned(name)
        staying = [on for on in assigned if assigned[on].destination not in assigned]
        return sorted(staying)

    def reported(self, name: str) -> Mapping[str, UnitState]:
        """What systemd said of a unit, by machine."""
        return self.states.get(name, {})

    def placements(self) -> dict[str, str]:
        """The machine id of every unit that is placed and not Global."""
        return {
            name: homes[0]
            for name in self.schedule
            if name in self.units and not self.is_global(name) and (homes := self.homes(name))
        }

    def jobs(self) -> list[Job]:
        """Every unit that wants a machine, and has not done its work there."""
        return [
            Job(name, requirements)
            for name, unit in self.units.items()
            if unit.desired_state is not DesiredState.INACTIVE
            and not self.has_ended(name)
            and (requirements := self.requirements(name))
        ]

    def runnable(self) -> set[str]:
        """The units that are no templates: what patterns of most commands stand for."""
        return {name for name in self.units if not is_template(name)}

    def has_ended(self, name: str) -> bool:
        """Whether the unit has done its work, so that nothing of it is to move or to start."""
        unit = self.units.get(name)
        if unit is None or unit.desired_state is not DesiredState.LAUNCHED:
            return False
        return any(told.completed and told.sha == unit.sha for told in self.assigned(name).values())

    def is_oneshot(self, name: str) -> bool:
        """Whether the unit is done when its command has ended (`Type=oneshot`)."""
        return bool(re.search(r"^\s*Type\s*=\s*oneshot\s*$", self.text_of(name) or "", re.M))

    def plan(self) -> Plan:
        """Where each unit would be placed, and why some fit nowhere.

        Made anew when units or machines have changed since.
        """
        if self._plan is None:
            self._plan = self._make_plan()
        return self._plan

    def _make_plan(self) -> Plan:
        jobs = self.jobs()
        wanted = {job.name for job in jobs}
        current = {name: on for name, on in self.placements().items() if name in wanted}
        machines = list(self.machines.values())
        return schedule(jobs, machines, current, self.marks, self.moves)

    def _put(self, entry: KeyValue) -> None:
        self.entries[entry.key] = entry
        self._outdate(entry.key)
        for prefix, put in self._kinds().items():
            if entry.key.startswith(prefix):
                put(entry.key.removeprefix(prefix), entry.value)

    def _outdate(self, key: str) -> None:
        if key.startswith((keys.MACHINES, keys.UNITS, keys.ELIGIBILITY, keys.MOVES)):
            self._plan = None

    def _kinds(self) -> dict[str, Callable[[str, str], None]]:
        return {
            keys.MACHINES: self._put_machine,
            keys.FILES: self.files.__setitem__,
            keys.UNITS: self._put_unit,
            keys.ELIGIBILITY: self._put_mark,
            keys.MOVES: self._put_move,
            keys.SCHEDULE: self._put_assignment,
            keys.STATES: self._put_state,
            keys.ORDERS: self._put_order,
        }

    def _put_machine(self, machine: str, value: str) -> None:
        self.machines[machine] = MachineState.from_json(value)

    def _put_unit(self, name: str, value: str) -> None:
        self.units[name] = Unit.from_json(value)

    def _put_mark(self, machine: str, value: str) -> None:
        self.marks[machine] = Eligibility.from_json(value)

    def _put_move(self, name: str, value: str) -> None:
        self.moves[name] = Move.from_json(value)

    def _put_assignment(self, key: str, value: str) -> None:
        machine, name = keys.split_key(key, "")
        assignment = Assignment.from_json(value)
        if assignment.desired_state is DesiredState.INACTIVE:  # To be stopped and removed there.
            self.schedule[name].pop(machine, None)
            self._withdrawn[name][machine] = assignment
        else:
            self._withdrawn[name].pop(machine, None)
            self.schedule[name][machine] = assignment

    def _put_state(self, key: str, value: str) -> None:
        machine, name = keys.split_key(key, "")
        self.states[name][machine] = UnitState.from_json(value)

    def _put_order(self, key: str, value: str) -> None:
        machine, name = keys.split_key(key, "")
        self.orders[name][machine] = Order.from_json(value)

    def _delete(self, key: str) -> None:
        self.entries.pop(key, None)
        self._outdate(key)
        for prefix, records in (
            (keys.MACHINES, self.machines),
            (keys.FILES, self.files),
            (keys.UNITS, self.units),
            (keys.ELIGIBILITY, self.marks),
            (keys.MOVES, self.moves),
        ):
            if key.startswith(prefix):
                records.pop(key.removeprefix(prefix), None)
        for prefix, by_unit in (
            (keys.SCHEDULE, self.schedule),
            (keys.SCHEDULE, self._withdrawn),
            (keys.STATES, self.states),
            (keys.ORDERS, self.orders),
        ):
            if key.startswith(prefix):
                machine, name = keys.split_key(key, prefix)
                by_unit[name].pop(machine, None)


parse_once = lru_cache(PARSED_FILES)(parse)
"""`parse`, which one call of fleetctl does for the same file again and again."""


def _parsed(name: str, text: str) -> UnitFile | None:
    try:
        return parse_once(name, text)
    except UnitFileError:
        return None
