"""`fleetctl start`."""

from argparse import Namespace

from ....model.records import DesiredState
from ...operations.context import Context
from ...operations.start import add_options, bring_up
from ..command import Command, Input


def _run(context: Context, arguments: Namespace) -> int:
    return bring_up(context, arguments, DesiredState.LAUNCHED)


COMMAND = Command(
    name="start",
    summary="start units on machines that fit, and wait until they are active",
    help="""\
Submit units where needed, choose a machine for each, and wait until systemd there reports them
active. An instance (web@1.service) gets its file from its template, in the cluster or here.
A unit that fits on no machine is reported at once, with the reason for each machine; it stays
desired. A unit that fails ends the command with exit code 1 and its last journal lines.""",
    example="""
  $ fleetctl start hello.service
  Unit hello.service launched on 3f2a91bc.../172.18.0.11

  $ fleetctl start sinatra@{5000..5010}
  $ fleetctl start --replace units/hello.service
""",
    configure=add_options,
    run=_run,
    input=Input.FILES,
    after_interrupt=(
        "What has begun goes on by itself. To look: fleetctl list-units {units}. To take "
        "it back: fleetctl stop {units}"
    ),
)
