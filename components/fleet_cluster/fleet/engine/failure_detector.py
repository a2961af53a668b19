"""Which machines are gone, and whether so many went at once that the fault must be elsewhere."""

from collections.abc import Callable, Set


class FailureDetector:
    """Remembers when machines were lost. Times come from the leader's own clock."""

    def __init__(self, clock: Callable[[], float], window: float) -> None:
        """Losses within `window` seconds count as "at once"."""
        self._clock = clock
        self._window = window
        self._lost_at: dict[str, float] = {}
        self._settled: set[str] = set()
        self._alive: frozenset[str] = frozenset()
        self.missing: frozenset[str] = frozenset()
        """The machines that are missed."""
        self.too_many = False
        """More than half of the known machines are missing: nothing is to be moved."""

    def look(self, alive: Set[str], placed: Set[str], emptied: Set[str] = frozenset()) -> None:
        """Take note.

        Args:
            alive: the machines that announce themselves.
            placed: the machines that units are assigned to.
            emptied: the machines that were drained: they may go.
        """
        now = self._clock()
        for machine in (placed | self._alive) - alive - emptied:
            self._lost_at.setdefault(machine, now)
        self._alive = frozenset(alive)
        self._settled -= alive
        for machine in [m for m in self._lost_at if m in alive]:
            del self._lost_at[machine]
        self.missing = frozenset(m for m in self._lost_at if self._counts(m, now))
        self.too_many = 2 * len(self.missing) > len(alive | self.missing)

    def settle(self, machines: Set[str]) -> None:
        """Their units were given to others: they are missed no longer than the window."""
        self._settled |= machines & self._lost_at.keys()

    def ago(self, machine: str) -> float | None:
        """How many seconds ago the machine was lost; None when it is not."""
        at = self._lost_at.get(machine)
        return None if at is None else self._clock() - at

    def longer_than(self, seconds: float) -> frozenset[str]:
        """The machines that have been gone for longer."""
        now = self._clock()
        return frozenset(m for m, at in self._lost_at.items() if now - at > seconds)

    def _counts(self, machine: str, now: float) -> bool:
        recent = now - self._lost_at[machine] <= self._window
        return recent or self.too_many or machine not in self._settled
