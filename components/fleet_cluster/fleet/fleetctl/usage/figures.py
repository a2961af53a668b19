"""Figures: what machines and units use, as far as their machines have said it lately."""

from dataclasses import dataclass, field
from math import inf

from .sample import MachineUsage, Sample, UnitUsage

OLD_SECONDS = 12.0
"""So long after it was heard, it is known: four times as long as between two samples."""


@dataclass
class _Machine:
    usage: MachineUsage
    heard: float
    """When; minus infinity where that is too long ago to be shown."""
    units: dict[str, UnitUsage] = field(default_factory=dict[str, UnitUsage])


class Figures:
    """Figures by machine, from samples, in the order in which they come. Pure: no clock."""

    def __init__(self) -> None:
        self._machines: dict[str, _Machine] = {}

    def take_in(self, machine: str, sample: Sample, now: float) -> None:
        """Take in a sample of a machine, by its id; `now`: seconds, by this computer's clock."""
        before = self._machines.get(machine)
        old = before.units if before and not sample.is_whole else {}
        units = {name: one for name, one in {**old, **sample.units}.items() if one}
        self._machines[machine] = _Machine(sample.machine, now, units)

    def forget(self, machine: str) -> None:
        """Forget what a machine has said: it says nothing any more."""
        self._machines.pop(machine, None)

    def expire(self, now: float) -> None:
        """Show no more what was not said again lately: a connection that hangs says nothing of it.

        It is kept: of units that use the same as before, the next sample says nothing.
        """
        for one in self._machines.values():
            if one.heard <= now - OLD_SECONDS:
                one.heard = -inf

    def machine(self, machine: str) -> MachineUsage | None:
        """What all that runs on a machine uses; None where nobody has said it lately."""
        found = self._shown(machine)
        return found.usage if found else None

    def unit(self, unit: str, machine: str) -> UnitUsage | None:
        """What a unit uses on a machine; None where nobody has said it lately."""
        found = self._shown(machine)
        return found.units.get(unit) if found else None

    def _shown(self, machine: str) -> _Machine | None:
        found = self._machines.get(machine)
        return found if found and found.heard > -inf else None
