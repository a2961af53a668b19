"""The web page that `fleetctl dashboard` serves, open while the demo runs."""

import re
import signal
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from .stack import Stack

COMMAND = "fleetctl dashboard"
NO_BROWSER = "--no-browser"
END_SECONDS = 10
"""How long it has to end when it is asked to."""


@contextmanager
def dashboard(stack: Stack, browser: bool) -> Generator[str]:
    """Serve it: its address, or why there is none.

    `browser`: whether one is opened, where this computer has a screen.
    """
    words = [*COMMAND.split(), *([] if browser else [NO_BROWSER])]
    process = subprocess.Popen(
        words,
        cwd=stack.program,
        env=stack.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    try:
        yield address(process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def address(lines: Iterable[str]) -> str:
    """The address among what it says; all of that, if there is none."""
    said: list[str] = []
    for line in lines:
        if found := re.search(r"https?://\S+", line):
            return found[0]
        said.append(line.strip())
    return " ".join(said) or "it ended at once"
