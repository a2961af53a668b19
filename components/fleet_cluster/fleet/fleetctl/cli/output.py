"""Standard error, where everything goes that is not a command's result."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from threading import Timer

SLOW_SECONDS = 1.0
"""After so long without news, say what is being waited for."""


def tell(text: str) -> None:
    """Print a line for the operator that no script should parse."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def notice_if_slow(text: str) -> Generator[Timer]:
    """Notice for something that may take its time: the operator reads it after a second.

    When that is over before the rest, cancel the timer.
    """
    timer = Timer(SLOW_SECONDS, lambda: tell(text))
    timer.daemon = True
    timer.start()
    try:
        yield timer
    finally:
        timer.cancel()


def fail(message: str) -> None:
    """Print an error for the operator."""
    if message:
        print(f"fleetctl: {message}", file=sys.stderr)
