"""Resources of machines that a unit reserves: memory and processors."""

import re
from dataclasses import dataclass

from .names import UnitFileError
from .syntax import Syntax

WHOLE = 10_000
"""All of a machine's memory, as shares count it: systemd takes percentages with two decimals."""
CPU = 1_000
"""One processor, as they are counted."""

_POWERS = {suffix: 1024**power for power, suffix in enumerate("BKMGTPE")} | {"": 1}
_PART = re.compile(r"\s*(\d{1,18}(?:\.\d{1,9})?)\s*([BKMGTPE]?)")
_SIZE = re.compile(rf"(?:{_PART.pattern})+\s*")
_PERCENT = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)\s*%")
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,9})?")


@dataclass(frozen=True)
class Resources:
    """Resources that are reserved, or wanted. They can be added."""

    memory: int = 0
    """Bytes."""
    share: int = 0
    """Of the machine's memory, besides: ten-thousandths."""
    cpu: int = 0
    """Thousandths of a processor."""

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.memory or self.share or self.cpu)

    def __add__(self, other: "Resources") -> "Resources":
        """Both."""
        return Resources(self.memory + other.memory, self.share + other.share, self.cpu + other.cpu)

    def __sub__(self, other: "Resources") -> "Resources":
        """These without the others, which are a part of them."""
        return Resources(self.memory - other.memory, self.share - other.share, self.cpu - other.cpu)

    def bytes_of(self, memory: int) -> int:
        """The memory that these are on a machine with so much of it."""
        return self.memory + memory * self.share // WHOLE


def read_resources(syntax: Syntax, memory: str, cpus: str) -> Resources:
    """What a unit reserves.

    A unit's limits are what systemd lets it have: `MemoryMax=`, or else `MemoryHigh=`, and
    `CPUQuota=`. What systemd would not understand limits nothing, and reserves nothing.

    Args:
        syntax: the unit's file.
        memory: what its `[X-Fleet]` says instead; empty when it says nothing.
        cpus: the same of processors.
    """
    limits = [memory] if memory else [syntax.last("Service", key) for key in _LIMITS]
    found = (parse_memory(limit) for limit in limits)
    reserved = next((one for one in found if one), Resources())
    cpu = parse_cpus(cpus) if cpus else _parse_quota(syntax.last("Service", "CPUQuota"))
    return reserved + Resources(cpu=cpu)


_LIMITS = ("MemoryMax", "MemoryHigh")


def parse_memory(text: str) -> Resources | None:
    """Memory as systemd writes it: 512M, 1.5G, 25%; None for what is not (infinity)."""
    if percent := _PERCENT.fullmatch(text):
        return Resources(share=round(float(percent[1]) * WHOLE / 100))
    if not _SIZE.fullmatch(text):
        return None
    return Resources(memory=sum(int(float(n) * _POWERS[unit]) for n, unit in _PART.findall(text)))


def parse_cpus(text: str) -> int:
    """A number of processors, in thousandths."""
    return round(float(text) * CPU)


def _parse_quota(text: str) -> int:
    percent = _PERCENT.fullmatch(text)
    return round(float(percent[1]) * CPU / 100) if percent else 0


def check_memory(_name: str, value: str) -> None:
    """Refuse what is no amount of memory.

    Raises:
        UnitFileError: says what is.
    """
    if not _SIZE.fullmatch(value):
        raise UnitFileError(
            "not an amount of memory: write bytes, with K, M, G or T for the powers of 1024, such"
            " as 512M or 1.5G; 0 reserves none"
        )


def check_cpus(_name: str, value: str) -> None:
    """Refuse what is no number of processors.

    Raises:
        UnitFileError: says what is.
    """
    if not _NUMBER.fullmatch(value):
        raise UnitFileError("not a number of CPUs, such as 2 or 0.5; 0 reserves none")


def memory_text(size: int) -> str:
    """An amount of memory as systemd writes it: 512M, 1.5G."""
    for suffix in "EPTGMK":
        if size >= _POWERS[suffix]:
            return f"{size / _POWERS[suffix]:.1f}".removesuffix(".0") + suffix
    return str(size)


def cpus_text(cpu: int) -> str:
    """A number of processors: 2, 0.5."""
    return f"{cpu / CPU:g}"
