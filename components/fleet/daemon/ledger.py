"""What fleetd has done on its machine, written down before and after each step."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from .statefile import StateFile

log = logging.getLogger(__name__)


class Progress(StrEnum):
    """How far a unit has been taken; each is written down before the work that it names."""

    WRITING = "writing"
    """Its file is being written, or removed; systemd may not know it."""
    LOADED = "loaded"
    """systemd knows the file; not started."""
    STARTING = "starting"
    """systemd is being told to start it, or has been."""
    STARTED = "started"
    """systemd has been told to start it; from here on it decides."""
    STOPPING = "stopping"
    """systemd is being told to stop it, or has been."""


@dataclass(frozen=True)
class LocalUnit:
    """A unit that this machine has."""

    sha: str
    progress: Progress
    since: float = 0.0
    """The unit's `Status.since` before it was started: a later one means that it was."""
    revision: int = 0
    """Of the assignment that it follows; 0 while there is none, and it stays as it is."""
    told: float = 0.0
    """When systemd was told to start it: seconds since 1970; 0 if it was not yet."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "progress", Progress(self.progress))


class Ledger:
    """This machine's units, and the store that they came from. Every change is saved."""

    def __init__(self, saved: StateFile) -> None:
        """Reads `saved`; `found` tells whether it could be used."""
        self._saved = saved
        self.cluster = ""
        """The id of the store; empty when it is not known."""
        self.revision = 0
        """The highest revision seen."""
        self.wary = False
        """The store was emptied or restored: only what confirms the units is followed."""
        self.units: dict[str, LocalUnit] = {}
        self.found = self._load()

    def record(self, units: Mapping[str, LocalUnit]) -> None:
        """Add or change units."""
        if units:
            self.units.update(units)
            self._save()

    def drop(self, names: set[str]) -> None:
        """Forget units."""
        if names:
            self.units = {name: unit for name, unit in self.units.items() if name not in names}
            self._save()

    def follow(self, cluster: str, revision: int) -> None:
        """Note the store that is followed from now on, and how far it has been seen."""
        if (cluster, revision) != (self.cluster, self.revision):
            self.cluster, self.revision = cluster, revision
            self._save()

    def hold(self) -> None:
        """No unit follows an assignment any more."""
        self.wary = True
        self.units = {name: replace(unit, revision=0) for name, unit in self.units.items()}
        self._save()

    def trust(self) -> None:
        """Follow every assignment again."""
        self.wary = False
        self._save()

    def _load(self) -> bool:
        text = self._saved.load()
        if not text:
            return False
        try:
            raw: Any = json.loads(text)
            units = {name: _local_unit(unit) for name, unit in raw["units"].items()}
            self.cluster, self.revision = str(raw["cluster"]), int(raw["revision"])
            self.wary = bool(raw.get("wary", False))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.error("fleetd's records are damaged, rebuilding them: %r", error)
            return False
        self.units = units
        return True

    def _save(self) -> None:
        units = {name: vars(unit) for name, unit in self.units.items()}
        content = {
            "cluster": self.cluster,
            "revision": self.revision,
            "wary": self.wary,
            "units": units,
        }
        self._saved.save(json.dumps(content))
        self.found = True


def _local_unit(raw: dict[str, Any]) -> LocalUnit:
    """Fields of another version are left out, so that fleetd can be upgraded while units run."""
    known = {key: value for key, value in raw.items() if key in LocalUnit.__dataclass_fields__}
    return LocalUnit(**known)
