"""Requests to the cluster's URL while a test does something to it. Only ever to 127.0.0.1."""

import threading
import time
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

RATE = 50.0
"""Requests a second of all users together, as long as answers come fast enough."""
START_SECONDS = 30
"""In which the first good answer has to come."""
PATIENCE = 15
"""Seconds after which a user gives up."""


@dataclass(frozen=True)
class Request:
    """One request that has ended."""

    at: float
    """When it was sent: seconds since 1970."""
    seconds: float
    trouble: str
    """Why there was no good answer; empty if there was."""


class Load:
    """Some users who ask for the front page again and again, until the block ends.

    Each sends its requests at regular times, or when its last answer has come if that is later.
    """

    def __init__(self, url: str, users: int = 4, rate: float = RATE) -> None:
        """`url`: on 127.0.0.1; `rate`: requests a second of all users together."""
        assert urlsplit(url).hostname == "127.0.0.1", url
        self.users = users
        self.requests: list[Request] = []
        self._url = url
        self._period = users / rate
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._user) for _ in range(users)]

    def __enter__(self) -> Self:
        """Start, and have an answer before the test goes on."""
        for thread in self._threads:
            thread.start()
        try:
            self._wait_for_an_answer()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let every request end."""
        self._end()

    @property
    def failed(self) -> list[Request]:
        """Those without a good answer."""
        return [request for request in list(self.requests) if request.trouble]

    def failed_after(self, moment: float) -> list[Request]:
        """Those sent after a moment (seconds since 1970)."""
        return [request for request in self.failed if request.at > moment]

    def per_second(self) -> float:
        """How many requests a second there were."""
        sent = [request.at for request in self.requests]
        return len(sent) / max(1.0, max(sent) - min(sent))

    def __str__(self) -> str:
        slowest = max(request.seconds for request in self.requests)
        return (
            f"{len(self.requests)} requests, {self.per_second():.0f} a second, "
            f"{len(self.failed)} failed, the slowest took {slowest:.1f} s"
        )

    def _wait_for_an_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not any(not request.trouble for request in list(self.requests)):
            assert time.monotonic() < deadline, f"the URL does not answer: {self.failed[-1:]}"
            self._stop.wait(self._period)

    def _end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _user(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(due - time.monotonic()):
            at, began = time.time(), time.monotonic()
            trouble = self._ask()
            self.requests.append(Request(at, time.monotonic() - began, trouble))
            due = max(due + self._period, time.monotonic())

    def _ask(self) -> str:
        try:
            with urllib.request.urlopen(self._url, timeout=PATIENCE) as answer:
                return "" if b"Hello" in answer.read() else "it is not the app that answers"
        except (OSError, HTTPException) as error:
            return repr(error)
