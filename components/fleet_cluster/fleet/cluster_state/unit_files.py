"""The unit files of the cluster, each parsed once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from ..model.records import DesiredState, Unit
from ..unitfiles.names import UnitFileError, is_template
from ..unitfiles.quadlets.names import units_of
from ..unitfiles.requirements import Requirements
from ..unitfiles.triggers import triggered_unit
from ..unitfiles.unitfile import UnitFile, parse
from .decoder import DecodedRecords, Warn, ignore

PARSED_FILES = 20_000
"""How many unit files are kept parsed: more than the units of a large cluster."""

parse_once = lru_cache(PARSED_FILES)(parse)
"""`parse`, which is asked for the same file again and again."""


class UnitFiles(DecodedRecords):
    """Records, and what the unit files among them ask for."""

    def __init__(self, warn: Warn = ignore) -> None:
        super().__init__(warn)
        self._parsed: dict[tuple[str, str], UnitFile | None] = {}
        self._wanted: dict[str, Requirements] | None = None
        self._followed: frozenset[str] = frozenset()
        self._triggers: dict[str, str] = {}

    def text_of(self, name: str) -> str | None:
        """The text of a unit's file."""
        unit = self.units.get(name)
        return self.files.get(unit.sha) if unit else None

    def requirements(self, name: str) -> Requirements | None:
        """Requirements of a unit; None when its file is missing or cannot be used."""
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

    def is_global(self, name: str) -> bool:
        """Whether the unit runs on every machine that matches."""
        requirements = self.requirements(name)
        return requirements is not None and requirements.is_global

    def is_oneshot(self, name: str) -> bool:
        """Whether the unit is done when its command has ended (`Type=oneshot`)."""
        return bool(re.search(r"^\s*Type\s*=\s*oneshot\s*$", self.text_of(name) or "", re.M))

    def is_once(self, name: str) -> bool:
        """Whether it is a timer of which the cluster runs each elapse once (`Once=true`)."""
        requirements = self.requirements(name) if name.endswith(".timer") else None
        return requirements is not None and requirements.is_once

    def asked(self, name: str) -> Unit | None:
        """The desired state of a unit, as far as its machine is to take it.

        With a timer or path goes the unit that it starts: loaded, for systemd to start it. A timer
        with `Once=true` is not started there: the leader is its clock.
        """
        unit = self.units.get(name)
        if unit is None:
            return None
        if unit.desired_state is DesiredState.INACTIVE and self.trigger(name):
            return replace(unit, desired_state=DesiredState.LOADED)
        if unit.desired_state is DesiredState.LAUNCHED and self.is_once(name):
            return replace(unit, desired_state=DesiredState.LOADED)
        return unit

    def trigger(self, name: str) -> str:
        """The timer or path that is on a machine to start this unit; empty if there is none."""
        return self._triggers.get(name, "") if self.wanted else ""

    def started(self, name: str) -> str:
        """What a timer or path starts, by its name in the cluster if it is there; or empty."""
        service = triggered_unit(name, self.text_of(name) or "") or ""
        return next((unit for unit in units_of(service) if unit in self.units), service)

    @property
    def wanted(self) -> Mapping[str, Requirements]:
        """Requirements of the units that are to be on a machine and whose file can be used."""
        if self._wanted is None:
            self._forget_files()
            self._triggers = self._find_triggers()
            self._wanted = {
                name: self._pinned(name, self._with_trigger(name, requirements))
                for name in {**dict.fromkeys(wanted_units(self.units)), **self._triggers}
                if (requirements := self.requirements(name)) is not None
            }
            peers = (peer for one in self._wanted.values() for peer in one.machine_of)
            self._followed = frozenset(peers)
        return self._wanted

    def is_wanted_globally(self, name: str) -> bool:
        """Whether the unit is to be on every machine that matches."""
        requirements = self.wanted.get(name)
        return requirements is not None and requirements.is_global

    def named(self) -> Iterable[str]:
        """The units that are to be on a machine, and found by a name."""
        return (unit for unit, asked in self.wanted.items() if asked.service)

    def is_followed(self, name: str) -> bool:
        """Whether a wanted unit is to be on the same machine as this one (`MachineOf=`)."""
        return bool(self.wanted) and name in self._followed

    def _pinned(self, name: str, asked: Requirements) -> Requirements:
        """What a unit asks for; a transient one that was handed to a machine belongs there."""
        unit = self.units.get(name)
        return replace(asked, machine_id=unit.machine) if unit and unit.machine else asked

    def _find_triggers(self) -> dict[str, str]:
        """By unit of the cluster, the wanted timer or path that starts it."""
        triggers = (n for n in sorted(wanted_units(self.units)) if n.endswith((".timer", ".path")))
        found = {self.started(trigger): trigger for trigger in triggers}
        return {unit: trigger for unit, trigger in found.items() if unit in self.units}

    def _with_trigger(self, name: str, asked: Requirements) -> Requirements:
        """What a unit asks for, as one that follows what starts it, by `MachineOf=` so to speak."""
        trigger = self._triggers.get(name)
        requirements = self.requirements(trigger) if trigger else None
        if trigger is None or requirements is None or asked.is_global or asked.machine_id:
            return asked
        if name in requirements.machine_of:
            return asked  # The timer follows it.
        if requirements.is_global:
            metadata = {**requirements.machine_metadata, **asked.machine_metadata}
            return Requirements(
                machine_metadata=metadata, is_global=True, resources=asked.resources
            )
        return replace(asked, machine_of=tuple(dict.fromkeys((*asked.machine_of, trigger))))

    def _file(self, name: str) -> UnitFile | None:
        unit = self.units.get(name)
        text = self.files.get(unit.sha) if unit else None
        if unit is None or text is None:
            return None
        key = name, unit.sha
        if key not in self._parsed:
            self._parsed[key] = self._parse(name, text)
        return self._parsed[key]

    def _parse(self, name: str, text: str) -> UnitFile | None:
        try:
            return parse_once(name, text)
        except UnitFileError as error:
            self.warn(f"{name} is not scheduled: {error}")
            return None

    def _forget_files(self) -> None:
        """Drop what was parsed for units that are gone."""
        known = {(name, unit.sha) for name, unit in self.units.items()}
        for key in self._parsed.keys() - known:
            del self._parsed[key]


def wanted_units(units: Mapping[str, Unit]) -> Iterable[str]:
    """The units that are to be on a machine."""
    return (
        name
        for name, unit in units.items()
        if unit.desired_state is not DesiredState.INACTIVE and not is_template(name)
    )
