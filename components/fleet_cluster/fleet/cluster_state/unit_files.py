"""The unit files of the cluster, each parsed once."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ..model.records import DesiredState, Unit
from ..unitfiles.names import UnitFileError, is_template
from ..unitfiles.requirements import Requirements
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

    @property
    def wanted(self) -> Mapping[str, Requirements]:
        """Requirements of the units that are to be on a machine and whose file can be used."""
        if self._wanted is None:
            self._forget_files()
            self._wanted = {
                name: requirements
                for name in wanted_units(self.units)
                if (requirements := self.requirements(name)) is not None
            }
            peers = (peer for one in self._wanted.values() for peer in one.machine_of)
            self._followed = frozenset(peers)
        return self._wanted

    def is_wanted_globally(self, name: str) -> bool:
        """Whether the unit is to be on every machine that matches."""
        requirements = self.wanted.get(name)
        return requirements is not None and requirements.is_global

    def is_followed(self, name: str) -> bool:
        """Whether a wanted unit is to be on the same machine as this one (`MachineOf=`)."""
        return bool(self.wanted) and name in self._followed

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
