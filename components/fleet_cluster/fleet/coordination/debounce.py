"""Debounce of changes that come in several transactions, because one has its limit."""

LARGE = 30
"""So many keys changed since the last round are likely not all that is coming."""

SECONDS = 0.05
"""How long to wait for the rest, each time."""

MOST_WAITS = 4
"""How often to wait: who never stops writing must not stop the loop."""


class Debounce:
    """A debounce counts how often the rest was waited for: deciding twice costs more."""

    def __init__(self) -> None:
        self._waits = 0

    def goes_on(self, changed: int) -> bool:
        """Whether to wait for the rest, after so many keys have changed since the last round."""
        self._waits = self._waits + 1 if changed >= LARGE else 0
        return 0 < self._waits <= MOST_WAITS
