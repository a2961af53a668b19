"""`fleetctl rebalance`."""

from argparse import ArgumentParser, Namespace

from ...cli import table
from ...cli.output import tell
from ...cli.wait_options import add_timeout, timeout_of
from ...operations.context import Context
from ...operations.machines.rebalance import FIELDS, nothing_to_move, planned, rows, wait, write
from ...operations.report import report
from ...state.watcher import Watcher
from ...wait.wait import announce
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print the plan, move nothing")
    add_timeout(parser, "wait at most so long, then exit 3, and the moves go on")
    table.add_options(parser, FIELDS, FIELDS)


def _say(_name: str, message: str) -> None:
    tell(message)


def _run(context: Context, arguments: Namespace) -> int:
    for_programs = table.is_data(arguments)
    table.chosen_fields(arguments.fields, FIELDS)  # Refused before anything moves.
    with Watcher(context.connect()) as watcher:
        plan, conditions = (planned(watcher.state), {}) if arguments.dry_run else write(watcher)
        if plan.relocations or for_programs:
            lines = rows(plan, watcher.state, arguments.full or for_programs)
            print(table.render(lines, arguments, FIELDS), end="", flush=True)
        elif not conditions:
            print(nothing_to_move(plan))
        timeout, announcer = timeout_of(arguments), _say if for_programs else announce
        return report(context, watcher, lambda: wait(watcher, conditions, timeout, announcer))


COMMAND = Command(
    name="rebalance",
    summary="move units so that the machines have equally many",
    help="""\
Print which units have to move for the machines to have equally many, move them as `drain` does, and
wait until they are there. It moves as few as it can, each with those that follow it, and only where
it fits and drives nobody away. Global units do not count; machines that are cordoned or drained
take no part. What does not come up on its new machine stays where it was if it has StartFirst=true,
and the exit code is 1.""",
    example="""
  $ fleetctl rebalance --fields unit,to,why
  UNIT                    TO                              WHY
  sinatra@5000.service    9d04e6a1.../172.18.0.12         2 and 0 units become 1 and 1
  sinatra@5000.service moved from 3f2a91bc.../172.18.0.11 to 9d04e6a1.../172.18.0.12

  $ fleetctl rebalance --dry-run
  Nothing to move: the machines are balanced; units on each: 1, 1
""",
    configure=_configure,
    run=_run,
    after_interrupt=(
        "Moves that have begun go on by themselves. To look: fleetctl list-units. To wait for "
        "them: fleetctl rebalance"
    ),
)
