"""Samples: what a machine and its units use, as its `fleetctl usage` prints it, in JSON (pure)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

MEMORY_STEP = 1 << 17
"""Memory is told in steps of so many bytes: what is less is no news for a slow line."""
DISK_STEP = 1 << 20


class BadSampleError(ValueError):
    """A line is no sample."""


@dataclass(frozen=True)
class UnitUsage:
    """What a unit uses, its containers included; None where that is not known."""

    cpu: int | None
    """Thousandths of a processor, on average since the sample before."""
    memory: int | None
    """Bytes, the files that the kernel keeps for it in memory included, as systemd tells it."""


@dataclass(frozen=True)
class Disk:
    """A file system that the machine needs room on."""

    path: str
    free: int
    """Bytes for those who are not root."""
    size: int
    """Bytes."""


@dataclass(frozen=True)
class MachineUsage:
    """What all that runs on a machine uses, not only units of fleet."""

    cpu: int
    """Thousandths of a processor, on average since the sample before."""
    memory: int
    """Bytes, without what the kernel gives back as soon as it is wanted."""
    disks: tuple[Disk, ...] = ()

    @property
    def fullest(self) -> Disk | None:
        """The file system with the least part of it free; None where none could be looked at."""
        return min(self.disks, key=lambda one: one.free / max(one.size, 1), default=None)


@dataclass(frozen=True)
class Sample:
    """A sample: what the machine uses, and the units that use something else than before."""

    machine: MachineUsage
    units: Mapping[str, UnitUsage | None] = field(default_factory=dict[str, UnitUsage | None])
    """By name; None for one that uses nothing any more, because nothing of it runs."""
    is_whole: bool = False
    """Whether these are all: what was told before is forgotten."""

    def to_json(self) -> str:
        """The line, without its end."""
        units = {name: [one.cpu, one.memory] if one else None for name, one in self.units.items()}
        told = {
            "whole": self.is_whole,
            "cpu": self.machine.cpu,
            "memory": self.machine.memory,
            "disks": [[one.path, one.free, one.size] for one in self.machine.disks],
            "units": units,
        }
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> "Sample":
        """Read a line, perhaps of another version: what this one does not know is left out.

        Raises:
            BadSampleError: it is none.
        """
        try:
            raw = json.loads(line)
            disks = tuple(
                Disk(str(one[0]), _amount(one[1]), _amount(one[2])) for one in raw["disks"]
            )
            machine = MachineUsage(_amount(raw["cpu"]), _amount(raw["memory"]), disks)
            units = cast(Mapping[str, Any], raw["units"])
            return cls(
                machine, {name: _usage(one) for name, one in units.items()}, bool(raw["whole"])
            )
        except (
            ValueError,
            TypeError,
            KeyError,
            IndexError,
            AttributeError,
            RecursionError,
        ) as error:
            raise BadSampleError(f"not a sample: {line[:200]!r} ({error})") from error


def _usage(raw: Any) -> UnitUsage | None:
    if raw is None:
        return None
    return UnitUsage(*(None if one is None else _amount(one) for one in (raw[0], raw[1])))


def _amount(raw: Any) -> int:
    """A number that is no less than nothing.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(raw, int) or isinstance(raw, bool) or raw < 0:
        raise TypeError(f"{raw!r} is no amount")
    return raw


def changed(
    before: Mapping[str, UnitUsage] | None, now: Mapping[str, UnitUsage]
) -> dict[str, UnitUsage | None]:
    """The units that use something else than before; None for those that use nothing any more."""
    old = before or {}
    gone = dict.fromkeys(old.keys() - now.keys())
    return {**{name: one for name, one in now.items() if old.get(name) != one}, **gone}


def in_steps(amount: int, step: int) -> int:
    """An amount, rounded to steps."""
    return (amount + step // 2) // step * step
