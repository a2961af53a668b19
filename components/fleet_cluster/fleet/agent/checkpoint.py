"""The checkpoint: what fleetd has done on its machine, written before and after each step."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from ..model.wire import from_wire, to_wire, wire
from ..state_file import StateFile
from .assignments import Assigned

log = logging.getLogger(__name__)


class UnsavedError(Exception):
    """The checkpoint cannot be saved: what it was to note first must not be done."""


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
    """`UnitStatus.since` before it was started: a later one means that it was."""
    revision: int = 0
    """Of the assignment that it follows; 0 of an orphan, which has none and stays as it is."""
    start_requested_at: float = field(default=0.0, metadata=wire("told"))
    """When systemd was told to start it: seconds since 1970; 0 if it was not yet."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "progress", Progress(self.progress))

    @classmethod
    def new(cls, assigned: Assigned) -> Self:
        """A unit whose file is about to be written, as it is assigned."""
        return cls(assigned.assignment.sha, Progress.WRITING, revision=assigned.revision)

    def as_loaded(self) -> Self:
        """The unit when systemd knows its file and it is not started."""
        return replace(self, progress=Progress.LOADED, start_requested_at=0.0)


class Checkpoint:
    """A checkpoint of this machine's units, and of the store that they came from.

    Every change is saved. Where it cannot be, it holds all the same as long as fleetd lives, and
    is saved with the next one that can be; what `record` notes has to be saved at once.
    """

    def __init__(self, saved: StateFile) -> None:
        """Reads `saved`; begins anew if that is not there, or damaged."""
        self._saved = saved
        self.cluster = ""
        """The id of the store; empty when it is not known."""
        self.revision = 0
        """The highest revision seen."""
        self.distrusts = False
        """The store was emptied or restored: only what confirms the units is followed."""
        self.units: dict[str, LocalUnit] = {}
        self.unsaved = ""
        """Why the last change could not be saved; empty when it was."""
        self._load()

    def record(self, units: Mapping[str, LocalUnit]) -> None:
        """Add or change units, before what must not be done twice or unseen.

        Raises:
            UnsavedError: it could not be saved; nothing was changed.
        """
        if units:
            self._insist({**self.units, **units})

    def note(self, units: Mapping[str, LocalUnit]) -> None:
        """Change units; what is lost of this is found out again."""
        if units:
            self.units.update(units)
            self._save()

    def drop(self, names: set[str]) -> None:
        """Forget units.

        Raises:
            UnsavedError: it could not be saved; nothing was changed.
        """
        if names:
            self._insist({name: unit for name, unit in self.units.items() if name not in names})

    def follow(self, cluster: str, revision: int) -> None:
        """Note the store that is followed from now on, and how far it has been seen."""
        again = self.unsaved or self._saved.crowded
        if (cluster, revision) != (self.cluster, self.revision) or again:
            self.cluster, self.revision = cluster, revision
            self._save()

    def distrust(self) -> None:
        """Make every unit an orphan: none follows an assignment any more."""
        self.distrusts = True
        self.units = {name: replace(unit, revision=0) for name, unit in self.units.items()}
        self._save()

    def trust(self) -> None:
        """Follow every assignment again."""
        self.distrusts = False
        self._save()

    def _insist(self, units: dict[str, LocalUnit]) -> None:
        before, self.units = self.units, units
        self._save()
        if self.unsaved:
            self.units = before
            raise UnsavedError(self.unsaved)

    def _load(self) -> None:
        try:
            text = self._saved.load()
            if not text:
                return
            raw: Any = json.loads(text)
            units = {name: _local_unit(unit) for name, unit in raw["units"].items()}
            self.cluster, self.revision = str(raw["cluster"]), int(raw["revision"])
            self.distrusts = bool(raw.get("wary", False))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.error("fleetd's records are damaged, rebuilding them: %r", error)
            return
        self.units = units

    def _save(self) -> None:
        units = {name: to_wire(unit) for name, unit in self.units.items()}
        content = {
            "cluster": self.cluster,
            "revision": self.revision,
            "wary": self.distrusts,
            "units": units,
        }
        try:
            self._saved.save(json.dumps(content))
        except OSError as error:
            self.unsaved = f"what fleetd does cannot be noted: {error}"
            return
        self.unsaved = ""


def _local_unit(raw: dict[str, Any]) -> LocalUnit:
    return LocalUnit(**from_wire(LocalUnit, raw))
