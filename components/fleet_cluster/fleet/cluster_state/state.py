"""The state of a cluster, for all who decide or tell something from it."""

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from typing import Self

from ..kv import KeyValue, Snapshot
from ..model import keys
from ..model.records import Unit
from ..scheduler.schedule import Job, Plan, schedule
from ..unitfiles.names import is_template
from .completion import is_completion
from .decoder import Warn, ignore
from .placement import Placements


class ClusterState(Placements):
    """The records under `/fleet/` at one revision, and what follows from them.

    fleet's leader, `fleetctl`, its plans and `why` all take their answers from here.
    """

    def __init__(self, warn: Warn = ignore) -> None:
        super().__init__(warn)
        self._plan = Plan()
        self._is_plan_old = True
        self._planned = Plan()
        self._planned_of: object = None

    @classmethod
    def of(cls, snapshot: Snapshot, warn: Warn = ignore) -> Self:
        """The state in a snapshot of all records."""
        state = cls(warn)
        state.update(snapshot.entries.keys(), snapshot.entries, snapshot.revision)
        return state

    def update(
        self, changed: Collection[str], entries: Mapping[str, KeyValue], revision: int = 0
    ) -> set[str]:
        """Decode what is at the `changed` keys now; `entries` are all, as of `revision`.

        Returns:
            The prefixes of these keys (`/fleet/units/`), or the keys that have none.
        """
        prefixes = super().update(changed, entries, revision)
        self._forget(files=not prefixes.isdisjoint((keys.UNITS, keys.FILES)))
        return prefixes

    def completions(self, changed: Iterable[str]) -> bool:
        """Whether one of these keys tells the end of a unit's work, which nothing notes yet."""
        states = (key for key in changed if key.startswith(keys.STATES))
        places = (keys.split_key(key, keys.STATES) for key in states)
        return any(
            is_completion(
                self.assignments(unit).get(machine),
                self.reported(unit).get(machine),
                self.requirements(unit),
            )
            for machine, unit in places
        )

    def preview(
        self,
        units: Mapping[str, Unit | None],
        texts: Mapping[str, str],
        displaced: Collection[str] = (),
    ) -> Self:
        """The state as it would be with these units changed, with these files.

        `displaced` units are on no machine there.
        """
        then = copy(self)
        then.units = {name: unit for name, unit in {**self.units, **units}.items() if unit}
        then.files = {**self.files, **texts}
        then.schedule = {n: one for n, one in self.schedule.items() if n not in displaced}
        then.states = {n: one for n, one in self.states.items() if n not in displaced}
        then.warn, then._parsed = ignore, dict(self._parsed)
        then._forget(files=True)
        return then

    def runnable(self) -> set[str]:
        """The units that are no templates: what patterns of most commands stand for."""
        return {name for name in self.units if not is_template(name)}

    def jobs(self) -> list[Job]:
        """Every unit that is to be on a machine, and has not done its work there."""
        done = self.completed()
        return [Job(name, asked) for name, asked in self.wanted.items() if name not in done]

    def plan(self) -> Plan:
        """Where each unit is to be, and why some fit nowhere."""
        if self._is_plan_old:
            self._plan = self.planned(self.jobs(), self.placements())
            self._is_plan_old = False
        return self._plan

    def planned(self, jobs: Collection[Job], current: Mapping[str, str]) -> Plan:
        """The plan for some units, each of them where `current` says.

        The one before, if nothing has changed that it depends on: most of what happens in a cluster
        changes nothing about where units belong.
        """
        records = list(self.machines.values()), current, dict(self.eligibility), dict(self.moves)
        facts = list(jobs), *records, self.everywhere()
        if facts != self._planned_of:
            self._planned, self._planned_of = schedule(*facts), facts
        return self._planned

    def _forget(self, *, files: bool) -> None:
        """Drop what was made of records that have changed."""
        self._is_plan_old = True
        if files:
            self._wanted = None
