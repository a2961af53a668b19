"""Loading the leader's part of fleetd: a machine has it only where it leads, or is about to."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .leader import Leader


def load() -> "type[Leader]":
    """The leader's class. What it imports, placement above all, no follower has a use for."""
    from .leader import Leader

    return Leader


def load_or_resign(term: int, resign: Callable[[int], None]) -> "type[Leader]":
    """The same for a term that has begun, perhaps before fleetd was started again."""
    try:
        return load()
    except Exception:  # Nobody would lead as long as this machine has the key.
        resign(term)
        raise
