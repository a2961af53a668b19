"""Rates: what was used between two readings of counters (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .sample import MEMORY_STEP, MachineUsage, UnitUsage, in_steps


@dataclass(frozen=True)
class Counters:
    """Counters of a unit: what it has used of processors, each of its parts by itself."""

    cpu: Mapping[str, float] | None = field(default_factory=dict[str, float])
    """Seconds by part: the unit, each container, or each process; None where nobody counts them."""
    memory: int | None = None
    """Bytes that it has now."""


@dataclass(frozen=True)
class Reading:
    """Reading of a machine's counters."""

    at: float
    """Seconds, by a clock that never goes back."""
    machine: MachineUsage
    """Its `cpu` is not known yet."""
    cpu: float
    """Seconds that all its processors have worked."""
    units: Mapping[str, Counters] = field(default_factory=dict[str, Counters])


def unit_usages(before: Reading, now: Reading) -> dict[str, UnitUsage]:
    """What each unit uses. Of one that was not there before, the processors are not known yet."""
    seconds = now.at - before.at
    return {
        name: UnitUsage(
            _cpu(before.units[name], one, seconds) if name in before.units else None,
            None if one.memory is None else in_steps(one.memory, MEMORY_STEP),
        )
        for name, one in now.units.items()
    }


def machine_usage(before: Reading, now: Reading) -> MachineUsage:
    """What the machine uses."""
    one = now.machine
    cpu = thousandths(now.cpu - before.cpu, now.at - before.at)
    return MachineUsage(cpu, in_steps(one.memory, MEMORY_STEP), one.disks)


def _cpu(before: Counters, now: Counters, seconds: float) -> int | None:
    """Of parts that were not there before, all that they have used: they began since."""
    if before.cpu is None or now.cpu is None:
        return None
    used = [value - before.cpu.get(part, 0.0) for part, value in now.cpu.items()]
    return thousandths(sum(max(one, 0.0) for one in used), seconds)


def thousandths(used: float, seconds: float) -> int:
    """Thousandths of a processor, of seconds that it has worked."""
    return max(round(1000 * used / seconds), 0) if seconds > 0 else 0
