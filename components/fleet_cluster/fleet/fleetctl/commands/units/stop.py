"""`fleetctl stop`."""

from argparse import Namespace

from ....model.records import DesiredState
from ...operations.context import Context
from ...operations.stop import add_options, bring_down
from ...wait.stop import stopped
from ..command import Command


def _run(context: Context, arguments: Namespace) -> int:
    return bring_down(context, arguments, DesiredState.LOADED, stopped)


COMMAND = Command(
    name="stop",
    summary="stop units; their files stay on their machines",
    help="""\
Stop units and wait until systemd reports them inactive. They stay loaded: `start` starts them
again. Patterns name several units; quote them.""",
    example="""
  $ fleetctl stop hello.service
  Unit hello.service loaded on 3f2a91bc.../172.18.0.11

  $ fleetctl stop 'sinatra@*'
""",
    configure=add_options,
    run=_run,
    after_interrupt=(
        "Units that have been told to stop go on stopping. To look: fleetctl list-units {units}. "
        "To take it back: fleetctl start {units}"
    ),
)
