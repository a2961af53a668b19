"""The whole store as the leader sees it, decoded."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..kv import KeyValue
from ..model.keys import (
    ELIGIBILITY,
    FILES,
    MACHINES,
    METADATA,
    MOVES,
    SCHEDULE,
    STATES,
    UNITS,
    split_key,
)
from ..model.record import BadRecordError
from ..model.records import Assignment, Eligibility, MachineState, Move, Unit, UnitState
from ..unitfiles.names import UnitFileError
from ..unitfiles.requirements import Requirements
from ..unitfiles.unitfile import parse
from .completion import is_news

log = logging.getLogger(__name__)

Place = tuple[str, str]
"""A machine's id and a unit's name."""


class ClusterState:
    """Decoded records, kept up to date key by key."""

    def __init__(self) -> None:
        self.units: dict[str, Unit] = {}
        self.files: dict[str, str] = {}
        """SHA-256 to text."""
        self.machines: dict[str, MachineState] = {}
        self.schedule: dict[Place, Assignment] = {}
        self.states: dict[Place, UnitState] = {}
        self.marks: dict[str, Eligibility] = {}
        self.moves: dict[str, Move] = {}
        """By unit."""
        self.metadata: dict[str, str] = {}
        """By machine, what was set at run time, as it is stored: the machine itself reads it."""
        self.held: set[Place] = set()
        """The states that are of held units."""
        self._requirements: dict[tuple[str, str], Requirements | None] = {}

    def update(self, keys: Iterable[str], entries: Mapping[str, KeyValue]) -> bool:
        """Decode what is at these keys now. Whether that may change what is to be decided.

        States do not, but for the end of a unit that has done its work.
        """
        others = False
        for key in keys:
            prefix = key[: key.index("/", len("/fleet/")) + 1] if key.count("/") > 2 else key
            others |= prefix != STATES
            if prefix in _TABLES:
                self._put(prefix, key, entries.get(key))
            if prefix == STATES:
                place = split_key(key, STATES)
                self._note_held(place)
                others |= self._is_end(place)
        return others

    def requirements(self, name: str) -> Requirements | None:
        """What the unit's file asks of a machine; None when the file cannot be used."""
        sha = self.units[name].sha
        if sha not in self.files:
            return None
        if (name, sha) not in self._requirements:
            self._requirements[name, sha] = _parsed(name, self.files[sha])
        return self._requirements[name, sha]

    def forget_requirements(self) -> None:
        """Drop what was parsed for units that are gone."""
        known = {(name, unit.sha) for name, unit in self.units.items()}
        for key in self._requirements.keys() - known:
            del self._requirements[key]

    def _put(self, prefix: str, key: str, entry: KeyValue | None) -> None:
        table = self._table(prefix)
        id = split_key(key, prefix) if prefix in (SCHEDULE, STATES) else key.removeprefix(prefix)
        if entry is None:
            table.pop(id, None)
            return
        try:
            table[id] = _TABLES[prefix](entry.value)
        except BadRecordError as error:
            log.error("%s cannot be used: %s", key, error)
            table.pop(id, None)

    def _is_end(self, place: Place) -> bool:
        _, name = place
        asked = self.requirements(name) if name in self.units else None
        return is_news(self.schedule.get(place), self.states.get(place), asked)

    def _note_held(self, place: Place) -> None:
        state = self.states.get(place)
        if state and state.orphan:
            self.held.add(place)
        else:
            self.held.discard(place)

    def _table(self, prefix: str) -> dict[Any, Any]:
        return {
            UNITS: self.units,
            FILES: self.files,
            MACHINES: self.machines,
            ELIGIBILITY: self.marks,
            MOVES: self.moves,
            METADATA: self.metadata,
            SCHEDULE: self.schedule,
            STATES: self.states,
        }[prefix]


_TABLES: Mapping[str, Callable[[str], Any]] = {
    UNITS: Unit.from_json,
    FILES: str,
    MACHINES: MachineState.from_json,
    ELIGIBILITY: Eligibility.from_json,
    MOVES: Move.from_json,
    METADATA: str,
    SCHEDULE: Assignment.from_json,
    STATES: UnitState.from_json,
}


def _parsed(name: str, text: str) -> Requirements | None:
    try:
        return parse(name, text).requirements
    except UnitFileError as error:
        log.error("%s is not scheduled: %s", name, error)
        return None
