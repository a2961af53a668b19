"""`fleetctl submit`."""

from argparse import Namespace

from ....cluster_state.state import ClusterState
from ....model.records import DesiredState
from ...cli.errors import Exit
from ...operations import start
from ...operations.admission import admit
from ...operations.context import Context
from ...state.submission import names_to_submit, submission
from ...state.transaction import Transaction, transact
from ...state.watcher import Watcher
from ..command import Command, Input


def _run(context: Context, arguments: Namespace) -> int:
    with Watcher(context.connect(), context.origin) as watcher:
        names = names_to_submit(arguments.units, watcher.state)

        def desired(view: ClusterState) -> Transaction:
            return submission(names, DesiredState.INACTIVE, context.files, view, arguments.replace)

        first = desired(watcher.state)
        admit(first.units, first.texts, watcher.state)
        transact(watcher, desired)
        for name in names:
            print(f"Unit {name} {watcher.state.units[name].desired_state}")
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
    configure=start.add_unit_arguments,
    run=_run,
    input=Input.FILES,
)
