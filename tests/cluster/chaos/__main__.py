"""`python -m tests.cluster.chaos [--seconds N] [--seed N] [--events "KIND MACHINES SECONDS; ..."]`.

Brings a cluster of its own up, lets faults strike it one after the other, checks the promises after
each, and takes it down. Exits with 1 if a promise was broken. The record is in .chaos/SEED.txt.
"""

import argparse
import math
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path

from tests.cluster import asking
from tests.cluster.chaos import promises
from tests.cluster.chaos.events import Event, events
from tests.cluster.chaos.promises import Round, Span
from tests.cluster.chaos.record import Record
from tests.cluster.chaos.strike import striking
from tests.cluster.load import Load
from tests.cluster.stack import CHECKOUT, Stack, copy_program, free_port

MACHINES = ("machine-1", "machine-2", "machine-3")
USERS = 2
RATE = 20.0
"""A light load: requests a second."""


def main() -> None:
    """Run, and tell."""
    chosen = _arguments()
    record = Record(CHECKOUT / ".chaos" / f"{chosen.seed}.txt")
    story: Iterable[Event] = events(chosen.seed, MACHINES)
    if chosen.events:
        story = [Event.parse(one) for one in chosen.events.split(";")]
    with tempfile.TemporaryDirectory() as folder:
        stack = _stack(Path(folder))
        try:
            record.say(f"seed {chosen.seed}: bringing a cluster up")
            stack.up()
            began = record.seconds()
            due = takewhile(lambda _: record.seconds() - began < chosen.seconds, story)
            struck = _play(stack, due, record)
        finally:
            stack.destroy()
    _tell(record, struck)
    sys.exit(1 if record.broken else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--events", default="")
    return parser.parse_args()


def _stack(folder: Path) -> Stack:
    """A cluster in which all but the safety net's period is as an operator has it."""
    program = copy_program(folder / "program")
    stack = Stack(f"chaos-{secrets.token_hex(4)}", program, folder / "state")
    stack.create({"load-balancer-port": str(free_port()), "reconcile-interval": "3600"})
    return stack


def _play(stack: Stack, story: Iterable[Event], record: Record) -> list[Event]:
    outputs = stack.outputs()
    struck: list[tuple[Event, float, float]] = []
    with Load(outputs["url"], USERS, RATE) as load:
        for event in story:
            began = time.time()
            record.say(str(event))
            whole = _round(stack, outputs["machines"], event, record)
            struck.append((event, began, whole))
    # Only now has every request ended, also those that a fault has left hanging.
    ends = [began for _, began, _ in struck[1:]] + [math.inf]
    for (event, began, whole), end in zip(struck, ends, strict=True):
        span = Span(began, whole, end)
        record.check(f"answers, {event}", list(promises.answers(event, load, span)))
        if failed := promises.failed_between(load, began, end):
            record.say(f"    {len(failed)} requests failed; the first: {failed[0]}")
    record.say(f"load: {load}")
    record.check("a preview shows no change", [f"{one}" for one in stack.changes().items()])
    return [event for event, _, _ in struck]


def _round(stack: Stack, machines: Mapping[str, str], event: Event, record: Record) -> float:
    """Let it strike, and check: when the cluster was whole again."""
    before = asking.runs(stack, machines)
    try:
        with striking(stack, event):
            if event.told:
                record.check("is told", list(promises.is_told(stack, machines, event)))
    except AssertionError as error:
        record.check("strikes and ends", [str(error)])
    record.check("converges", list(promises.converges(stack, machines)))
    whole = time.time()
    seen = Round(event, before, asking.runs(stack, machines))
    for promise in (promises.stops_nothing, promises.moves_nothing, promises.runs_once):
        record.check(promise.__name__.replace("_", " "), list(promise(seen)))
    return whole


def _tell(record: Record, struck: list[Event]) -> None:
    kinds = sorted({event.kind for event in struck})
    counts = ", ".join(f"{kind} {sum(one.kind == kind for one in struck)}" for kind in kinds)
    record.say(f"{len(struck)} faults: {counts}")
    record.say(f"{len(record.broken)} promises broken" if record.broken else "every promise held")
    print(f"The record: {record.path}")
    record.close()


if __name__ == "__main__":
    main()
