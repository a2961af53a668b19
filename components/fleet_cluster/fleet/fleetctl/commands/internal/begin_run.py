"""`fleetctl begin-run`: for fleetctl itself, which has a command run in the cluster."""

from argparse import ArgumentParser, Namespace

from ...cli.errors import Exit
from ...operations.context import Context
from ...state.watcher import Watcher
from ...transient.begin import begin
from ...transient.events import Event, Request, to_line
from ...transient.follow import follow, placed, runs_now
from ..command import Command, Input


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="do not wait for its end")
    parser.add_argument("--resumed", action="store_true", help="it may have begun already")


def _run(context: Context, arguments: Namespace) -> int:
    request = Request.from_json(context.document)
    with Watcher(context.connect(), context.origin) as watcher:
        known = sorted(runs_now(watcher, request)) if arguments.resumed else []
        machines = known or begin(watcher, request)
        _print(placed(watcher, machines))
        if not arguments.detach:
            follow(watcher, request, machines, _print)
    return Exit.DONE


def _print(event: Event) -> None:
    print(to_line(event), flush=True)


COMMAND = Command(
    name="begin-run",
    summary="have a transient unit run, and tell of it in JSON",
    help="Read a transient unit as JSON on standard input, have it run, tell what comes of it.",
    example="""
  $ fleetctl begin-run <request.json
""",
    configure=_configure,
    run=_run,
    input=Input.DOCUMENT,
    hidden=True,
)
