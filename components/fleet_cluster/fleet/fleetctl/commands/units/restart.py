"""`fleetctl restart`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping

from ....cluster_state.placement import SERVING
from ....cluster_state.state import ClusterState
from ....model.records import DesiredState, UnitState, Verb
from ....unitfiles.dependencies import BINDING, dependencies
from ....unitfiles.quadlets.names import service_of
from ...cli.errors import CtlError, Exit
from ...cli.names import legend, select
from ...cli.wait_options import add_limits, timeout_of
from ...operations.context import Context
from ...operations.orders import give_order
from ...operations.report import report
from ...state.watcher import Watcher
from ...wait.outcome import Failed, Reached, WaitCondition
from ...wait.start import restarted
from ...wait.wait import Wait
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("units", nargs="+", metavar="UNIT", help="a unit, or a quoted pattern")
    add_limits(parser)


def _running(view: ClusterState) -> list[str]:
    return [
        name for name, unit in view.units.items() if unit.desired_state is DesiredState.LAUNCHED
    ]


def _check(names: list[str], view: ClusterState) -> None:
    for name in names:
        if view.units[name].desired_state is not DesiredState.LAUNCHED:
            raise CtlError(
                f"{name} is {view.units[name].desired_state} and does not run, so nothing was "
                f"restarted; to start it: fleetctl start {name}"
            )
        if not _machines(name, view):
            raise CtlError(f"{name} is on no machine at present; see: fleetctl why {name}")


def _machines(name: str, view: ClusterState) -> list[str]:
    machines = view.assigned(name) if view.is_global(name) else view.homes(name)
    return sorted(machine for machine in machines if machine in view.machines)


def _restart(
    watcher: Watcher, name: str, machine: str, timeout: float | None
) -> Mapping[str, Failed]:
    """Restart of one unit on one machine; systemd restarts with it what is bound to it there."""
    view = watcher.state
    before = view.reported(name).get(machine)
    if before is None:
        where = legend(machine, view.machines)
        return {name: Failed(f"fleetd on {where} has not reported it yet", machine)}
    bound = {one: view.reported(one)[machine] for one in _bound(name, machine, view)}
    failures = give_order(watcher, Verb.RESTART, {name: [machine]}, timeout)
    if failures or name not in watcher.state.units:
        return failures
    return _wait(watcher, name, machine, {name: before, **bound}, timeout)


def _wait(
    watcher: Watcher,
    name: str,
    machine: str,
    before: Mapping[str, UnitState],
    timeout: float | None,
) -> Mapping[str, Failed]:
    """Wait for the unit and for what is bound to it; `before`: what was reported of each."""

    def say(one: str, message: str) -> None:
        if name not in wait.failures:
            print(message if one == name else f"{message}, restarted with {name}")

    def unless_failed(one: str, condition: WaitCondition) -> WaitCondition:
        """What is bound to a unit that has failed is not waited for: systemd leaves it down."""
        return lambda view: Reached(one) if name in wait.failures else condition(view)

    units = watcher.state.units
    conditions = {
        one: restarted(one, units[one], machine, state, is_bound=one != name)
        for one, state in before.items()
        if one in units
    }
    wait = Wait(watcher, {name: conditions.pop(name)}, timeout, say)
    wait.conditions |= {one: unless_failed(one, found) for one, found in conditions.items()}
    return wait.run()


def _bound(name: str, machine: str, view: ClusterState) -> list[str]:
    """The units that systemd restarts with this one, because their files say so."""
    found = [name]
    for one in found:
        found += [other for other in _bound_to(one, machine, view) if other not in found]
    return found[1:]


def _bound_to(name: str, machine: str, view: ClusterState) -> Iterator[str]:
    for other in sorted(view.units):
        state, text = view.reported(other).get(machine), view.text_of(other)
        if (
            text
            and state
            and state.active in SERVING
            and service_of(name) in dependencies(other, text, BINDING)
        ):
            yield other


def _run(context: Context, arguments: Namespace) -> int:
    timeout = timeout_of(arguments)
    with Watcher(context.connect()) as watcher:
        names = select(arguments.units, watcher.state.units, _running(watcher.state))
        _check(names, watcher.state)
        for name in names:
            for machine in _machines(name, watcher.state):
                code = report(
                    context,
                    watcher,
                    lambda name=name, machine=machine: _restart(watcher, name, machine, timeout),
                )
                if code:
                    return code
    return Exit.DONE


COMMAND = Command(
    name="restart",
    summary="restart units on their machines, one after the other",
    help="""\
Restart each unit where it is, as systemctl does: what runs there and is bound to it (BindsTo=,
Requires=, Requisite=, PartOf=) restarts with it. Wait until all of these are active and stay so
for their HealthySec=; then the next unit, or the next machine of a Global one. The first that
fails ends the command. A restart does not count towards StartLimitBurst=. For a changed file there
is `rollout`.""",
    example="""
  $ fleetctl restart hello.service
  Unit hello.service launched on 3f2a91bc.../172.18.0.11

  $ fleetctl restart app
  Unit app.service launched on 3f2a91bc.../172.18.0.11
  Unit app-log.service launched on 3f2a91bc.../172.18.0.11, restarted with app.service
""",
    configure=_configure,
    run=_run,
    after_interrupt=(
        "The restart that is under way goes on; those after it have not begun. To look: fleetctl "
        "list-units {units}"
    ),
)
