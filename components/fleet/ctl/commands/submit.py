"""`fleetctl submit`."""

from argparse import Namespace

from ...model import Target
from .. import starting
from ..change import change
from ..command import Command, Context, Input
from ..errors import Exit
from ..follow import Follower
from ..submission import names_to_submit, submission


def _run(context: Context, arguments: Namespace) -> int:
    with Follower(context.connect()) as follower:
        names = names_to_submit(arguments.units, follower.view)
        change(
            follower,
            lambda view: submission(names, Target.INACTIVE, context.files, view, arguments.replace),
        )
        for name in names:
            print(f"Unit {name} {follower.view.units[name].target}")
    return Exit.DONE


COMMAND = Command(
    name="submit",
    summary="make unit files known to the cluster, without running them",
    help="""\
Send unit files or templates to the cluster. Nothing runs yet (in the first fleet of 2014, submit
also started units; since fleet 1.0 that is `start`). A bad file is refused as a whole.""",
    example="""
  $ fleetctl submit hello.service sinatra@.service
  Unit hello.service inactive
  Unit sinatra@.service inactive
""",
    configure=starting.add_unit_arguments,
    run=_run,
    input=Input.FILES,
)
