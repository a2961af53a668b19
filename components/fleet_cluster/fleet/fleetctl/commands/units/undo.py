"""`fleetctl undo`."""

from argparse import ArgumentParser, Namespace

from ....cluster_state.state import ClusterState
from ...cli.errors import CtlError
from ...cli.names import select
from ...cli.numbers import count, of_option
from ...cli.origin import Origin
from ...cli.rollout_options import add_rollout_options, limits_of
from ...operations.context import Context
from ...operations.release import release
from ...releases.history import revision_before, revision_named
from ...state.watcher import Watcher
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("unit", metavar="UNIT", help="a template or a unit")
    parser.add_argument(
        "--to",
        type=of_option(count),
        metavar="REVISION",
        help="a release of fleetctl history (default: the one before the current)",
    )
    add_rollout_options(parser)


def _run(context: Context, arguments: Namespace) -> int:
    limits = limits_of(arguments)
    with Watcher(context.connect(), context.origin) as watcher:
        name = _unit(arguments.unit, watcher.state)
        revision, found = (
            revision_before(name, watcher.state)
            if arguments.to is None
            else revision_named(name, arguments.to, watcher.state)
        )
        text = watcher.state.files.get(found.sha)
        if text is None:
            raise CtlError(
                f"the file of release {revision} of {name} is not in etcd any more: fleetctl of an "
                f"earlier version has removed it. Roll out the file itself: fleetctl rollout FILE"
            )
        watcher.origin = Origin(context.origin.author, {name: f"revision {revision}"})
        return release(context, watcher, name, {name: text}, limits)


def _unit(given: str, view: ClusterState) -> str:
    name, *others = select([given], view.units)
    if others:
        raise CtlError(f"undo is of one unit; {given} is {', '.join([name, *others])}")
    return name


COMMAND = Command(
    name="undo",
    summary="bring the file before back to a unit, or to a template's instances",
    help="""\
Bring the file of an earlier release back to a unit, or to a template and its instances, by the
rules of `fleetctl rollout`: a few at a time, each healthy before the next, and back again if one
fails. Without --to, that is the release before the current one, so a second undo takes the first
one back. It is a release too: the last one in `fleetctl history`.""",
    example="""
  $ fleetctl undo sinatra@.service
  sinatra@5000.service  rolled  machine-2  3.1s
  sinatra@5001.service  rolled  machine-1  3.3s

  $ fleetctl undo --to 4 sinatra@.service
""",
    configure=_configure,
    run=_run,
    after_interrupt=(
        "Each unit is on its old file or on its new one, and no further one is touched. To look: "
        "fleetctl list-unit-files. The same command goes on from here"
    ),
)
