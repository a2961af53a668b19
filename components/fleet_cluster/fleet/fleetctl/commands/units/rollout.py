"""`fleetctl rollout`."""

from argparse import ArgumentParser, Namespace

from ....cluster_state.state import ClusterState
from ....unitfiles.unitfile import template_of
from ...cli.errors import CtlError, UsageError
from ...cli.names import SHORT_HASH, name_of
from ...cli.numbers import count, of_option
from ...cli.origin import Origin
from ...cli.rollout_options import add_rollout_options, limits_of
from ...operations.context import Context
from ...operations.release import release
from ...releases.canary import Progress, pending
from ...state.watcher import Watcher
from ..command import Command, Input


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "units", nargs=1, metavar="UNIT", help="a template or a unit, or the path of its file"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--canary",
        type=of_option(count),
        metavar="N",
        help="stop after N instances of a template, or N machines of a Global unit",
    )
    how.add_argument(
        "--continue",
        dest="go_on",
        action="store_true",
        help="bring the canary's file to the others too",
    )
    how.add_argument(
        "--back", action="store_true", help="bring the file before to the canary's instances"
    )
    add_rollout_options(parser)


def _run(context: Context, arguments: Namespace) -> int:
    limits, canary = limits_of(arguments), _canary_of(arguments)
    name, files = name_of(arguments.units[0]), context.files
    with Watcher(context.connect(), context.origin) as watcher:
        if arguments.go_on or arguments.back:
            found = _pending(name, watcher.state)
            sha = found.canary.sha if arguments.go_on else found.canary.previous_sha
            name, files = found.name, {found.name: _text(found.name, sha, watcher.state)}
            watcher.origin = Origin(context.origin.author, {name: found.canary.source})
        return release(context, watcher, name, files, limits, canary)


def _text(name: str, sha: str, view: ClusterState) -> str:
    text = view.files.get(sha)
    if text is None:
        raise CtlError(
            f"etcd has lost file {sha[:SHORT_HASH]} of {name}. Roll out the file itself: "
            f"fleetctl rollout ./{name}"
        )
    return text


def _canary_of(arguments: Namespace) -> int:
    if arguments.canary == 0:
        raise UsageError("--canary is 0; it must be 1 or more: after how many to stop")
    return arguments.canary or 0


def _pending(name: str, view: ClusterState) -> Progress:
    found = pending(template_of(name) or name, view)
    if found is None:
        raise CtlError(
            f"no canary of {name} is pending, so there is nothing to go on with or back from. To "
            f"begin one: fleetctl rollout --canary 1 FILE; to go back to the file before: "
            f"fleetctl undo {name}"
        )
    return found


COMMAND = Command(
    name="rollout",
    summary="bring a changed file to a unit, or to a template's instances one by one",
    help="""\
Replace the file of a running unit, or of a template and its instances, a few at a time. An instance
is stopped, gets the new file on the same machine, and has to be active at the first attempt and to
stay so for its HealthySec= before the next is touched; what is bound to it has to run again too. At
the first failure the instances rolled so far go back to the file before, and the exit code is 1.
Without a file here, instances get the file that their template has in the cluster. A template that
the cluster lacks, because its instances were started from a file, is made known to it.

With --canary N it stops when N instances of a template, or a Global unit on N machines, run with
the new file. The others, and the template, keep the file before, until --continue brings the new
one to all or --back the one before to those N; neither needs a file. Another file, by whichever
command, supersedes the canary. fleetctl list-unit-files tells what is pending.

When the command is interrupted, each instance is on its old file or on its new one. The same
command goes on from there.""",
    example="""
  $ fleetctl rollout units/sinatra@.service
  sinatra@5000.service  rolled  machine-2  3.1s
  sinatra@5001.service  rolled  machine-1  3.3s

  $ fleetctl rollout --max-unavailable 3 --timeout 120 sinatra@.service

  $ fleetctl rollout --canary 1 units/sinatra@.service
  sinatra@5000.service  rolled  machine-2  3.1s
  1 of 2 instances of sinatra@.service have the new file
  To go on:   fleetctl rollout --continue sinatra@.service
  To go back: fleetctl rollout --back sinatra@.service
""",
    configure=_configure,
    run=_run,
    input=Input.FILES,
    after_interrupt=(
        "Each unit is on its old file or on its new one, and no further one is touched. To look: "
        "fleetctl list-unit-files. The same command goes on from here; with the old file, it goes "
        "back"
    ),
)
