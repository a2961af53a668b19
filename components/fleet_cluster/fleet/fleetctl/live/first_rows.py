"""First rows: a link that begins brings them, or there is no way to the cluster."""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock

from ..cli.errors import CtlError
from ..cli.output import notice_if_slow, tell
from .link import Ended, Heard, News, Told


class FirstRows:
    """First rows of a link. Until somebody goes on with its news, they wait here, none is lost."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._news: SimpleQueue[News] = SimpleQueue()
        self._heard = list[News]()
        self._go_on: Callable[[News], None] = self._news.put

    def hear(self, one: News) -> None:
        """Take in news of the link, from its thread."""
        with self._lock:
            self._go_on(one)

    def wait(self, ways: int) -> None:
        """Wait for the first rows; `ways`: how many the link has to the cluster.

        Raises:
            CtlError: no machine sends any.
        """
        ended = list[str]()
        with notice_if_slow("Waiting for a machine to say what there is."):
            while len(ended) < ways:
                match one := self._news.get():
                    case Heard():
                        self._heard.append(one)
                        return
                    case Told(text):
                        tell(text)
                    case Ended():
                        ended.append(f"{one.way}: {one.reason}")
                        self._heard.append(one)
        raise CtlError("no machine says what there is:\n  " + "\n  ".join(ended))

    def go_on(self, hear: Callable[[News], None]) -> None:
        """Have that hear what was waited for, and all that follows."""
        with self._lock:
            for one in self._heard:
                hear(one)
            self._heard.clear()
            while not self._news.empty():
                hear(self._news.get())
            self._go_on = hear

    def leave(self) -> None:
        """Keep nothing more: somebody else hears it."""
        self.go_on(lambda _: None)
