"""Reception of a link's news: the history that they tell, through whom, and the time there."""

from collections.abc import Callable

from .events import Event
from .history import History
from .link import Ended, Heard, News, Told


class Reception:
    """Reception of a cluster. `clock`: seconds since 1970, here."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.history = History()
        self._clock = clock
        self._offset = 0.0
        """How far the clock of the machine that is heard is ahead of ours."""
        self._way = "connecting"
        self._is_connected = False

    def take_in(self, news: News) -> list[Event]:
        """Take in news: what has happened."""
        match news:
            case Heard(way, change):
                self._offset = change.at - self._clock()
                self._way, self._is_connected = f"through {way}", True
                return self.history.take_in(change)
            case Told(text):
                return [self.history.note(text, self.now())]
            case Ended():
                self._way = f"no connection to {news.way}, trying {news.next}"
                self._is_connected = False
                return [self.history.note(f"{news.way}: {news.reason}", self.now())]

    def begin(self) -> None:
        """Say that a link begins."""
        self._way, self._is_connected = "connecting", False

    def now(self) -> float:
        """Seconds since 1970, by the clock of the machine that is heard."""
        return self._clock() + self._offset

    @property
    def link(self) -> str:
        """Through whom it is heard, in words."""
        return "etcd does not answer: this may be old" if self.history.lost else self._way

    @property
    def is_current(self) -> bool:
        """Whether what is shown is as it is now."""
        return self._is_connected and not self.history.lost
