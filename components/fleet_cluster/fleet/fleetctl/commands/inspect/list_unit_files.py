"""`fleetctl list-unit-files`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable

from ....cluster_state.placement import UP
from ....cluster_state.state import ClusterState
from ....model.records import DesiredState
from ....unitfiles.unitfile import UnitFileError, parse
from ...cli import table
from ...cli.errors import Exit
from ...cli.names import SHORT_HASH, legend, listed
from ...cli.output import tell
from ...operations.context import Context
from ...releases.canary import pending
from ...state.watcher import read_state
from ..command import Command

FIELDS = ("unit", "hash", "dstate", "state", "target", "desc", "global", "owner", "canary")
SHOWN = FIELDS[:5]


def file_rows(names: Iterable[str], view: ClusterState, full: bool) -> list[table.Row]:
    """Rows: one for each of these units and templates that the cluster knows."""
    return [
        {
            "unit": name,
            "hash": unit.sha if full else unit.sha[:SHORT_HASH],
            "dstate": unit.desired_state.value,
            "state": None if view.is_global(name) else current_state(name, view).value,
            "target": _target(name, view, full),
            "desc": _description(name, view),
            "global": view.is_global(name),
            "owner": unit.owner,
            "canary": _canary(name, view, full),
        }
        for name, unit in ((name, view.units[name]) for name in names)
    ]


def notes(names: Iterable[str], view: ClusterState) -> list[str]:
    """Notes below the table: the canaries that are pending, and what can be done about them."""
    found = (pending(name, view) for name in names)
    return [f"{one.in_words}\n{one.advice}" for one in found if one]


def _canary(name: str, view: ClusterState, full: bool) -> str | None:
    found = pending(name, view)
    return (found.canary.sha if full else found.canary.sha[:SHORT_HASH]) if found else None


def current_state(name: str, view: ClusterState) -> DesiredState:
    """State of a unit, in the words of desired states, as its machine reports."""
    states = view.reported(name).values()
    if any(state.active in UP for state in states):
        return DesiredState.LAUNCHED
    if any(state.load == "loaded" for state in states):
        return DesiredState.LOADED
    return DesiredState.INACTIVE


def _target(name: str, view: ClusterState, full: bool) -> str | None:
    if view.is_global(name):
        return "global"
    machines = [legend(machine, view.machines, full) for machine in view.assigned(name)]
    return ",".join(sorted(machines)) or None


def _description(name: str, view: ClusterState) -> str | None:
    text = view.text_of(name)
    if text is None:
        return None
    try:
        return parse(name, text).description
    except UnitFileError:
        return None


def _configure(parser: ArgumentParser) -> None:
    table.add_units(parser)
    table.add_options(parser, FIELDS, SHOWN, "unit")


def _run(context: Context, arguments: Namespace) -> int:
    view = read_state(context.connect())
    names = listed(arguments.units, view.units)
    rows = file_rows(names, view, arguments.full or table.is_data(arguments))
    print(table.render(rows, arguments, FIELDS), end="", flush=True)
    if not arguments.no_legend and arguments.output == "table":
        for note in notes(names, view):
            tell(note)
    if not rows and not arguments.no_legend:
        tell(table.nothing_listed(arguments.units))
    return Exit.DONE


COMMAND = Command(
    name="list-unit-files",
    summary="the unit files of the cluster, and how far each is to be taken",
    help="""\
List every unit and template that was submitted, or only those that are named: DSTATE is the desired
state (inactive, loaded, launched), STATE the present one, TARGET the machine that the scheduler
chose (`global`: all that match). Below the table (on standard error): which rollouts have stopped
after a canary, and how to go on or back; CANARY is the file that it brings.""",
    example="""
  $ fleetctl list-unit-files
  UNIT                    HASH    DSTATE          STATE           TARGET
  hello.service           e55c0ae launched        launched        3f2a91bc.../172.18.0.11
  sinatra@.service        0a6cbf7 inactive        inactive        -
""",
    configure=_configure,
    run=_run,
)
