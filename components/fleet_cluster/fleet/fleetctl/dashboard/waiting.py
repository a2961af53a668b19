"""What is yet to be sent to a page that is open."""

from collections.abc import Callable
from queue import Empty, SimpleQueue

MOST_WAITING = 64
"""So many messages wait for a page that does not read; then one that tells all replaces them."""
END = ""


class Waiting:
    """Messages that wait for a page, none of them empty. Any thread may call it."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[str] = SimpleQueue()

    def get(self) -> str:
        """The next one, when there is one; empty: no more will come."""
        return self._queue.get()

    def put(self, message: str, in_place_of_all: Callable[[], str]) -> None:
        """Add a message; where too many wait, there is one in place of all of them."""
        is_full = self._queue.qsize() >= MOST_WAITING
        if is_full:
            self._empty()
        self._queue.put(in_place_of_all() if is_full else message)

    def end(self) -> None:
        """Send no more, also not of what waits."""
        self._empty()
        self._queue.put(END)

    def _empty(self) -> None:
        try:
            while True:
                self._queue.get_nowait()
        except Empty:
            return
