"""The first ten minutes, in three: `make demo` (STACK=demo).

On a cluster of its own it scales an app, kills a machine, rolls an image and heals, while requests
are counted. The exit code is 1 if one of them has failed. With DEMO_FAST=1, or where nobody looks,
there are fewer instances and no time to read.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence

from rich.console import Console

from .counter import Counter, count, troubles
from .dashboard import dashboard
from .screen import Screen
from .stack import PROGRAMS, Stack, TroubleError, prepare
from .tour import STEPS, Pace, Tour, bring_up

FAST, USUAL = Pace(instances=4, reading=0.0), Pace(instances=6, reading=3.0)
INTERRUPTED = 130


def main() -> int:
    """Run it: the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    name = os.environ.get("STACK") or "demo"
    counter = Counter()
    screen = Screen(Console(highlight=False), counter.__str__)
    try:
        stack = prepare(name)
    except TroubleError as trouble:
        screen.trouble(str(trouble))
        return 1
    try:
        with screen:
            return show(stack, screen, counter)
    except TroubleError as trouble:
        screen.trouble(str(trouble))
        code = 1
    except KeyboardInterrupt:
        screen.trouble("Interrupted.")
        code = INTERRUPTED
    tell_what_is_left(name, screen)
    return code


def show(stack: Stack, screen: Screen, counter: Counter) -> int:
    """All steps, and what came of the requests: the exit code."""
    fast = bool(os.environ.get("DEMO_FAST")) or not screen.is_terminal
    tour = Tour(stack, screen, FAST if fast else USUAL)
    tour.say("All commands run in a copy of the program: your files stay as they are.")
    screen.command(f"cd {PROGRAMS / stack.short}")
    bring_up(tour)
    url = stack.output("url")
    with dashboard(stack, browser=not fast) as page, counter.asking(url):
        tour.say(f"From now on 50 requests a second go to {url}.")
        screen.output(f"fleetctl dashboard: {page}")
        rows = [timed(title, tour, counter) for title in STEPS]
    return sum_up(stack.name, screen, counter, rows)


def timed(title: str, tour: Tour, counter: Counter) -> Sequence[str]:
    """Take a step: a row of the table at the end."""
    began, before = time.monotonic(), count(counter.requests)
    STEPS[title](tour)
    seconds, now = time.monotonic() - began, count(counter.requests)
    return (
        title,
        f"{seconds:.0f} s",
        f"{now.sent - before.sent:,}",
        f"{now.failed - before.failed:,}",
    )


def sum_up(name: str, screen: Screen, counter: Counter, rows: Sequence[Sequence[str]]) -> int:
    """The table, what has failed, and what to do next: the exit code."""
    total = count(counter.requests)
    all_of_it = ("together", "", f"{total.sent:,}", f"{total.failed:,}")
    screen.table(("", "took", "requests", "failed"), [*rows, all_of_it])
    for trouble in troubles(counter.requests):
        screen.trouble(trouble)
    screen.say("The cluster stays, for you to go on with; then remove it.")
    screen.command(f'eval "$(make -s env STACK={name})" && fleetctl top')
    screen.command(f"make down STACK={name}")
    screen.say("For one of your own, make up; docs/walkthrough.md shows the rest.")
    return 1 if total.failed else 0


def tell_what_is_left(name: str, screen: Screen) -> None:
    """What to do when it ended early."""
    screen.say("Your files are as they were. What was made of the cluster is there:")
    screen.command(f"make demo STACK={name}  # begins again with it")
    screen.command(f"make down STACK={name}  # removes it")


if __name__ == "__main__":
    sys.exit(main())
