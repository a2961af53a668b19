"""A clock and a state file in memory, and the gates that all fakes have."""

import errno
from collections.abc import Callable

Gate = Callable[[str], None]


def open_gate(_point: str) -> None:
    """A gate that lets everything pass."""


def no_chance() -> float:
    """What is left to chance comes at its earliest."""
    return 0.0


class FakeClock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


FULL = OSError(errno.ENOSPC, "No space left on device")


class MemoryFile:
    """A `StateFile`."""

    def __init__(self, gate: Gate = open_gate) -> None:
        self.crowded = ""
        self.text = ""
        self.gate = gate
        self.full = False
        """Whether its disk has no room, and none was kept."""
        self.tight = False
        """Whether it has only the room that was kept."""

    def load(self) -> str:
        return self.text

    def save(self, text: str) -> None:
        self.gate("before save")
        if self.full:
            raise FULL
        self.crowded = str(FULL) if self.tight else ""
        self.text = text
        self.gate("after save")
