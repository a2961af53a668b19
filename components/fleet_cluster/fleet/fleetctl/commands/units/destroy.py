"""`fleetctl destroy`."""

from argparse import SUPPRESS, ArgumentParser, Namespace

from ...cli.errors import Exit
from ...cli.names import select
from ...cli.output import tell
from ...cli.wait_options import timeout_of
from ...operations.context import Context
from ...operations.destroy import destroy
from ...operations.report import report
from ...operations.stop import add_options
from ...state.watcher import Watcher
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    add_options(parser)
    # For fleetctl run, which may be told to end before its unit is there.
    parser.add_argument("--if-known", action="store_true", help=SUPPRESS)


def _run(context: Context, arguments: Namespace) -> int:
    with Watcher(context.connect()) as watcher:
        known = watcher.state.units.keys() | watcher.state.states.keys()
        if arguments.if_known and known.isdisjoint(arguments.units):
            tell("Nothing was run yet, and nothing is left")
            return Exit.DONE
        names = select(arguments.units, known)
        timeout, block = timeout_of(arguments), not arguments.no_block
        return report(context, watcher, lambda: destroy(watcher, names, timeout, block))


COMMAND = Command(
    name="destroy",
    summary="stop units, and remove them and their files from the cluster",
    help="""\
Stop units (ExecStop= runs), wait until they are on no machine, and forget them. Files that no
other unit uses are removed. Patterns name several units; quote them. Destroying a template leaves
its instances alone.""",
    example="""
  $ fleetctl destroy hello.service
  Destroyed hello.service

  $ fleetctl destroy 'sinatra@*'
""",
    configure=_configure,
    run=_run,
    after_interrupt=(
        "Units that have been told to stop go on stopping, and stay known as inactive; the same "
        "command then removes them. To look: fleetctl list-unit-files {units}. To keep them: "
        "fleetctl start {units}"
    ),
)
