"""Commands in the terminal of `fleetctl top`, while its screen is away."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

from ..cli.own_call import own_call

BACK = "Enter: back to the screen "
ENDED_BY_US = (130, -signal.SIGINT)


def run_in_terminal(
    words: Sequence[str], options: Sequence[str], environment: dict[str, str]
) -> None:
    """Run fleetctl in this terminal; then wait for Enter, unless Ctrl-C ended it."""
    print(f"$ fleetctl {' '.join(words)}", flush=True)
    code = _without_interrupt(
        lambda: (
            subprocess.run([*own_call(), *options, *words], env=environment, check=False).returncode
        )
    )
    if code in ENDED_BY_US:
        return
    with suppress(KeyboardInterrupt, EOFError):
        print(BACK, end="", flush=True)
        os.read(sys.__stdin__.fileno() if sys.__stdin__ else 0, 1024)


def _without_interrupt(run: Callable[[], int]) -> int:
    """Ctrl-C at the terminal is meanwhile for what runs there."""
    before = signal.signal(signal.SIGINT, _ignore)
    try:
        return run()
    finally:
        signal.signal(signal.SIGINT, before)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    return None
