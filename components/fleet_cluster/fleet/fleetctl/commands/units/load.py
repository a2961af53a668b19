"""`fleetctl load`."""

from argparse import Namespace

from ....model.records import DesiredState
from ...operations.context import Context
from ...operations.start import add_options, bring_up
from ..command import Command, Input


def _run(context: Context, arguments: Namespace) -> int:
    return bring_up(context, arguments, DesiredState.LOADED)


COMMAND = Command(
    name="load",
    summary="place units on machines, without starting them",
    help="""\
Submit units where needed, choose a machine for each, and wait until systemd there has loaded the
file. A unit that runs is stopped: loaded is what it is to be.""",
    example="""
  $ fleetctl load hello.service
  Unit hello.service loaded on 3f2a91bc.../172.18.0.11
""",
    configure=add_options,
    run=_run,
    input=Input.FILES,
    after_interrupt=(
        "What has begun goes on by itself. To look: fleetctl list-unit-files {units}. To "
        "take it back: fleetctl unload {units}"
    ),
)
