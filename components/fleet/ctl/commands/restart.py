"""`fleetctl restart`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import replace

from ...model import Target
from .. import goals, waiting
from ..change import Draft, change
from ..command import Command, Context
from ..errors import CtlError, Exit
from ..finishing import finish
from ..follow import Follower
from ..goals import Failed, goal_of
from ..names import select
from ..view import View
from ..waiting import Wait, say_nothing


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("units", nargs="+", metavar="UNIT", help="a unit, or a quoted pattern")
    waiting.add_limits(parser)


def _check(names: list[str], view: View) -> None:
    for name in names:
        if view.units[name].target is not Target.LAUNCHED:
            raise CtlError(
                f"{name} is {view.units[name].target} and does not run, so nothing was restarted; "
                f"to start it: fleetctl start {name}"
            )


def _restart(follower: Follower, name: str, timeout: float | None) -> Mapping[str, Failed]:
    """Stop it and start it, on its machine; however the stop ends, it is to run afterwards."""
    wanted = follower.view.units[name]
    down = replace(wanted, target=Target.LOADED)
    change(follower, lambda _view: Draft({name: down}))
    try:
        stopped = {name: goals.stopped(name, down)}
        failures = Wait(follower, stopped, timeout, say_nothing).run()
    finally:
        before = dict(follower.view.reported(name))
        change(follower, lambda _view: Draft({name: wanted}))
    return failures or Wait(follower, {name: goal_of(name, wanted, before)}, timeout).run()


def _run(context: Context, arguments: Namespace) -> int:
    timeout = waiting.timeout_of(arguments)
    with Follower(context.connect()) as follower:
        names = select(arguments.units, follower.view.units)
        _check(names, follower.view)
        for name in names:
            code = finish(context, follower, lambda name=name: _restart(follower, name, timeout))
            if code:
                return code
    return Exit.DONE


COMMAND = Command(
    name="restart",
    summary="stop and start units on their machines, one after the other",
    help="""\
Stop each unit, wait until it has stopped, start it again where it is, and wait until it is active;
then the next. The first that fails ends the command. For a changed file there is `rollout`.""",
    example="""
  $ fleetctl restart hello.service
  Unit hello.service launched on 3f2a91bc.../172.18.0.11

  $ fleetctl restart 'sinatra@*'
""",
    configure=_configure,
    run=_run,
)
