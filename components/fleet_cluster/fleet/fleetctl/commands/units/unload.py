"""`fleetctl unload`."""

from argparse import Namespace

from ....model.records import DesiredState, Unit
from ...operations.context import Context
from ...operations.stop import add_options, bring_down
from ...wait.outcome import WaitCondition
from ...wait.stop import gone
from ..command import Command


def _goal(name: str, _: Unit) -> WaitCondition:
    return gone(name, f"Unit {name} inactive")


def _run(context: Context, arguments: Namespace) -> int:
    return bring_down(context, arguments, DesiredState.INACTIVE, _goal)


COMMAND = Command(
    name="unload",
    summary="stop units and take them off their machines; the cluster still knows them",
    help="""\
Stop units and wait until their machines have removed them. Their files stay in the cluster:
`start` places them anew. Patterns name several units; quote them.""",
    example="""
  $ fleetctl unload hello.service
  Unit hello.service inactive
""",
    configure=add_options,
    run=_run,
    after_interrupt=(
        "Units that have been told to leave their machines go on leaving. To look: fleetctl "
        "list-unit-files {units}. To take it back: fleetctl start {units}"
    ),
)
