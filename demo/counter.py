"""The requests of the demo, counted as the tests count them: none is left out, none asked again.

`tests.cluster.load` sends them, 50 a second: four users, who wait for an answer for 15 seconds. One
without the app's own answer has failed.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.cluster.load import Load, Request

LATELY = 3.0
"""Seconds of which the rate is."""


@dataclass(frozen=True)
class Count:
    """Requests that have ended."""

    sent: int
    failed: int
    per_second: float
    slowest: float
    """Seconds."""

    def __str__(self) -> str:
        """A line for a person."""
        return (
            f"requests {self.sent:,} sent, {self.failed:,} failed, {self.per_second:.0f} a second, "
            f"the slowest took {self.slowest:.1f} s"
        )


class Counter:
    """The requests so far."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    @contextmanager
    def asking(self, url: str) -> Generator[None]:
        """Send requests to a URL until the block ends, and wait for the last answer."""
        with Load(url) as load:
            self.requests = load.requests
            yield

    def __str__(self) -> str:
        """A line for a person; empty before the first request."""
        return str(count(self.requests)) if self.requests else ""


def count(requests: Sequence[Request], now: float | None = None) -> Count:
    """Count them; the rate is that of late. `now`: seconds since 1970."""
    ended = list(requests)
    now = time.time() if now is None else now
    late = sum(now - LATELY < request.at + request.seconds <= now for request in ended)
    return Count(
        len(ended),
        sum(1 for request in ended if request.trouble),
        late / LATELY,
        max((request.seconds for request in ended), default=0.0),
    )


def troubles(requests: Sequence[Request]) -> list[str]:
    """What went wrong with those that failed, in order, each with its moment (UTC)."""
    return [
        f"{time.strftime('%H:%M:%S', time.gmtime(one.at))} after {one.seconds:.1f} s: {one.trouble}"
        for one in requests
        if one.trouble
    ]
