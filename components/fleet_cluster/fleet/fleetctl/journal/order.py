"""Order of entries of several machines: by time, of what is there and of what comes (pure)."""

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush, merge

from .entry import Entry

WINDOW_SECONDS = 0.5
"""How long a line that is followed is held, for earlier ones that arrive after it."""
ALL = "all"


def in_order(journals: Iterable[Iterable[Entry]], lines: str) -> Iterable[Entry]:
    """The entries of journals that end, by time: the last so many of all, or `all`.

    Of all, no more than one entry of each journal is in memory at a time.
    """
    if lines == ALL:
        return merge(*journals, key=_time)
    # With --grep, journalctl prints the last ones backwards.
    ordered = (sorted(journal, key=_time) for journal in journals)
    return deque(merge(*ordered, key=_time), maxlen=int(lines))


def _time(entry: Entry) -> int:
    return entry.at


class Window:
    """Reorder window: entries as they arrive, given out by time when they were held so long."""

    def __init__(self, seconds: float = WINDOW_SECONDS) -> None:
        """`seconds`: how long each is held, at most."""
        self._seconds = seconds
        self._by_time: list[tuple[int, int, Entry]] = []
        self._arrivals: deque[tuple[float, int]] = deque()
        self._given: set[int] = set()
        self._count = 0

    def add(self, entry: Entry, now: float) -> None:
        """Take an entry that has arrived."""
        self._count += 1
        heappush(self._by_time, (entry.at, self._count, entry))
        self._arrivals.append((now, self._count))

    def wait(self, now: float) -> float | None:
        """How many seconds until some are to be printed; None when there is none."""
        self._forget_given()
        return max(self._arrivals[0][0] + self._seconds - now, 0) if self._arrivals else None

    def due(self, now: float) -> Iterator[Entry]:
        """Those that were held long enough, each after all that are earlier than it."""
        while self.wait(now) == 0:
            _, number, entry = heappop(self._by_time)
            self._given.add(number)
            yield entry

    def _forget_given(self) -> None:
        while self._arrivals and self._arrivals[0][1] in self._given:
            self._given.discard(self._arrivals.popleft()[1])
