"""The leader's part of fleetd, which is in memory only where a machine leads, or is about to."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..coordination.lease import Lease
from .environment import Environment

if TYPE_CHECKING:
    from ..engine.leader import Leader


def load() -> "type[Leader]":
    """The leader's class. What it imports, placement above all, no follower has a use for."""
    from ..engine.leader import Leader

    return Leader


def start(
    term: int, here: Environment, lease: Lease, window: str, resign: Callable[[int], None]
) -> "Leader":
    """A leader of this term, which a fleetd that was restarted may have from before."""
    try:
        kind = load()
    except Exception:  # Nobody would lead as long as this machine has the key.
        resign(term)
        raise
    given = here.clock, here.wake, here.wall_clock, here.ask_members
    return kind(term, here.store, lease, *given, window, here.elapses, here.sealer)
