"""`fleetctl top`."""

import os
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from typing import Any

from ...cli.errors import CtlError, Exit
from ...cli.options import option_words
from ...live.first_rows import FirstRows
from ...live.link import Link, ways_to
from ...operations.context import Context
from ...top.terminal import run_in_terminal
from ...usage.probes import probes_of
from ..command import Command, RunsOn


def _configure(parser: ArgumentParser) -> None:
    del parser


def _run(context: Context, arguments: Namespace) -> int:
    screen = _screen()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CtlError(
            "top draws on a terminal, and this is none; for a program: fleetctl list-units --watch"
        )
    ways = ways_to(context.machines)
    rows = FirstRows()
    link = Link(ways, rows.hear)
    link.start()
    try:
        rows.wait(len(ways))
        environment = dict(os.environ)  # Textual takes NO_COLOR out of it.
        run = partial(run_in_terminal, options=option_words(arguments), environment=environment)
        with probes_of(context.machines, lambda one: app.hear(one)) as probes:
            app = screen(run, ask=probes.ask)
            rows.go_on(app.hear)
            app.run()
    finally:
        link.close()
    return Exit.DONE


def _screen() -> Any:
    try:
        from ...top.screen.app import Top
    except ModuleNotFoundError as error:
        raise CtlError(
            f"top needs Textual, and Python here has no module {error.name}. To install it: "
            "pip install 'textual>=8.2,<9' (or fleet-cluster[top]); on a machine of the cluster "
            "there is none: run top on your own computer, with --tunnel HOST"
        ) from error
    return Top


COMMAND = Command(
    name="top",
    summary="machines, units and what happens to them, live on the screen",
    help="""\
Show machines, units and the events of the last 15 minutes, as they change: a machine of the cluster
watches etcd and sends what has changed. When it is gone, another one goes on. CPUS and MEMORY are
what is used, of how much; FREE is the room on the fullest disk. Nothing tells of these, so each
machine looks every 3 seconds, and every 5 how old leases are, while top runs. RESTARTS are those
seen since top began. Arrows and Tab choose a row; j, s, w show its journal, status, why; r, o, d
restart it, roll it out, or drain it, after y; t shows only what is in trouble; c, m what uses the
most first; q ends. It needs Textual, on this computer only: pip install 'fleet-cluster[top]'.""",
    example="""
  $ fleetctl top
  $ NO_COLOR=1 fleetctl top --tunnel machine-2
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
